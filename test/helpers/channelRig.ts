import { askJetStream } from "../../lib/bus/apiRequest.js";
import { Bus, type BusMessage } from "../../lib/bus/bus.js";
import type { PublishHeaders } from "../../lib/bus/publishHeaders.js";
import { namespaceStream } from "../../lib/bus/streamSpec.js";
import { type Clock, systemClock } from "../../lib/clock.js";
import type { History as HistoryLimits, Namespace } from "../../lib/config/namespaces.js";
import { silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import type { Batch } from "../../services/connector/channel/batch.js";
import type { Hole, Subscriber } from "../../services/connector/channel/channel.js";
import { MessageInterpreter } from "../../services/connector/channel/messageInterpreter.js";
import { NamespaceFeed } from "../../services/connector/channel/namespaceFeed.js";
import { RingBudget } from "../../services/connector/channel/ringBudget.js";
import { StoredChannel } from "../../services/connector/channel/storedChannel.js";
import { Flusher } from "../../services/connector/transport/flusher.js";
import { eventually } from "./eventually.js";

/** Somebody who keeps what a channel tells. */
export class Listener implements Subscriber {
  /** `n` of each publication, and the reason of each reset, in order. */
  readonly heard: (number | string)[] = [];
  readonly offsets: number[] = [];
  /** Of the resets. */
  readonly holes: Hole[] = [];

  onPublications({ publications }: Batch): void {
    for (const publication of publications) {
      this.offsets.push(publication.offset);
      this.heard.push((JSON.parse(publication.json) as { data: { n: number } }).data.n);
    }
  }

  onFault(): void {
    this.heard.push("fault");
  }

  onReset(reason: string, hole?: Hole): void {
    this.heard.push(reason);
    if (hole) this.holes.push(hole);
  }
}

/** What a rig may be told. */
export interface RigOptions {
  readonly history?: Partial<HistoryLimits>;
  readonly ringBytes?: number;
  readonly waitingMessages?: number;
  readonly replicas?: number;
  /** Where the publisher's own connection goes; else where the rig's goes. */
  readonly backendServers?: readonly string[];
  /** The clock of the channels; the feed's is the machine's. */
  readonly clock?: Clock;
  /** How long a tick must be old before a later one makes it a proof; none where left out. */
  readonly tickHoldMs?: number;
}

const HISTORY: HistoryLimits = { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 };
let count = 0;

/** A stream on a real nats-server, the connector's feed of it, and channels whose way from NATS can be broken. */
export class ChannelRig {
  readonly bus: Bus;
  /** A publisher's own connection. */
  readonly backend: Bus;
  readonly namespace: Namespace;
  readonly budget = new RingBudget(2 ** 20);
  readonly repaired: number[] = [];
  feed: NamespaceFeed;
  /** Live messages are lost on their way while it returns true. */
  loses: (message: BusMessage) => boolean = () => false;
  readonly #options: RigOptions;
  readonly #interpreter: MessageInterpreter;
  readonly #channels: StoredChannel[] = [];

  private constructor(bus: Bus, backend: Bus, options: RigOptions, interpreter: (bus: Bus) => MessageInterpreter) {
    this.bus = bus;
    this.backend = backend;
    this.#options = options;
    const history = { ...HISTORY, ...options.history };
    this.namespace = { name: `rig${String(++count)}`, history, presence: false, subscribe: "signed-in", publish: "nobody", types: undefined, untyped: true };
    this.#interpreter = interpreter(bus);
    this.feed = new NamespaceFeed(this.namespace, { bus, clock: systemClock, log: silentLog, tickHoldMs: options.tickHoldMs ?? 0 });
  }

  /** Makes the stream and follows it. The caller stops the rig. */
  static async start(servers: readonly string[], options: RigOptions = {}): Promise<ChannelRig> {
    const [bus, backend] = await Promise.all([
      Bus.connect({ servers, name: "rig", log: silentLog }),
      Bus.connect({ servers: options.backendServers ?? servers, name: "backend", log: silentLog }),
    ]);
    const registry = await loadSchemas(undefined);
    const rig = new ChannelRig(bus, backend, options, (ofBus) => new MessageInterpreter({ bus: ofBus, clock: systemClock, log: silentLog, registry, onDead: () => undefined }));
    await rig.createStream();
    // On a cluster a new stream may have no leader for a moment.
    if (bus.clustered) await eventually(() => rig.feed.start().then(() => true), 30_000);
    else await rig.feed.start();
    return rig;
  }

  /** Makes the stream; on a cluster that has just lost and found a server, as soon as that counts again. */
  async createStream(history: HistoryLimits = this.#history): Promise<void> {
    const config = namespaceStream(this.namespace.name, history, this.#options.replicas ?? 1);
    const create = (): Promise<unknown> => askJetStream(this.backend, `STREAM.CREATE.HALLEY_${this.namespace.name}`, config);
    if (this.backend.clustered) await eventually(create, 30_000);
    else await create();
  }

  async deleteStream(): Promise<void> {
    await askJetStream(this.backend, `STREAM.DELETE.HALLEY_${this.namespace.name}`, undefined);
  }

  /** Asks the stream's leader to let another one lead. */
  async stepDown(): Promise<void> {
    await askJetStream(this.backend, `STREAM.LEADER.STEPDOWN.HALLEY_${this.namespace.name}`, undefined);
  }

  /** The channel of this name in the rig's namespace. */
  name(channel = "x"): string {
    return `${this.namespace.name}.${channel}`;
  }

  /** Opens a channel; resolves at once, see `opened`. */
  channel(channel = "x"): StoredChannel {
    const { ringBytes = 2 ** 18, waitingMessages = 1_000, clock = systemClock } = this.#options;
    const made = new StoredChannel(this.name(channel), {
      feed: this.feed,
      budget: this.budget,
      ringBytes,
      waitingMessages,
      waitingBytes: 2 ** 20,
      subscribe: (subject, handler) =>
        this.bus.subscribe(subject, (message) => {
          if (!this.loses(message)) handler(message);
        }),
      interpret: (message) => this.#interpreter.interpret(message, this.namespace),
      onMessage: () => undefined,
      onRepaired: (messages) => this.repaired.push(messages),
      turnEnd: new Flusher(silentLog),
      clock,
      log: silentLog,
    });
    this.#channels.push(made);
    return made;
  }

  /** Opens a channel and listens to it from its start. */
  async listen(channel = "x"): Promise<{ channel: StoredChannel; listener: Listener }> {
    const made = this.channel(channel);
    await made.opened();
    const listener = new Listener();
    made.attach(listener);
    return { channel: made, listener };
  }

  /** Live messages with these numbers are lost on their way. */
  lose(from: number, to: number): void {
    this.loses = ({ data }) => {
      const { n } = JSON.parse(Buffer.from(data).toString("utf8") || "{}") as { n?: number };
      return n !== undefined && n >= from && n <= to;
    };
  }

  /** Publishes `{"n":n}`; gives the sequence under which it is stored. */
  async publish(n: number, channel = "x", headers?: PublishHeaders): Promise<number> {
    return this.store(`{"n":${String(n)}}`, channel, headers);
  }

  /** Publishes any payload; gives the sequence. */
  async store(payload: string, channel = "x", headers?: PublishHeaders): Promise<number> {
    const answer = await this.backend.request(`halley.pub.${this.name(channel)}`, payload, 5_000, headers);
    const { seq, error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { seq?: number; error?: { description: string } };
    if (seq === undefined) throw new Error(error?.description ?? "no acknowledgement");
    return seq;
  }

  /** Sends a tick, and one more, which makes the first one a proof; waits until the feed has seen them. Gives the first. */
  async tick(): Promise<number> {
    const sequence = await this.store("", "$tick");
    const later = await this.store("", "$tick");
    await eventually(() => this.feed.tick === later);
    return sequence;
  }

  async stop(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    this.feed.stop();
    await Promise.all([this.bus.close(), this.backend.close()]);
  }

  get #history(): HistoryLimits {
    return { ...HISTORY, ...this.#options.history };
  }
}
