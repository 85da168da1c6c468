import type { Bus, BusMessage, BusSubscription } from "../../lib/bus/bus.js";
import { SharedFlush } from "../../lib/bus/sharedFlush.js";
import { subjects } from "../../lib/bus/subjects.js";
import { namespaceOf } from "../../lib/channel/channelName.js";
import type { Clock, Timer } from "../../lib/clock.js";
import type { Namespace, Namespaces } from "../../lib/config/namespaces.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { Log } from "../../lib/log.js";
import type { Channel } from "./channel/channel.js";
import { EphemeralChannel } from "./channel/ephemeralChannel.js";
import type { MessageInterpreter } from "./channel/messageInterpreter.js";
import { NamespaceFeed } from "./channel/namespaceFeed.js";
import { Opening } from "./channel/opening.js";
import type { ChannelMessage } from "./channel/parseMessage.js";
import type { Publication } from "./channel/publication.js";
import { RingBudget } from "./channel/ringBudget.js";
import { StoredChannel } from "./channel/storedChannel.js";
import type { TurnEnd } from "./channel/turnEnd.js";
import type { Limits } from "./limits.js";

/** What a hub needs. */
export interface HubParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespaces: Namespaces;
  readonly interpreter: MessageInterpreter;
  readonly limits: Limits;
  /** Names this process in the epochs of channels without history. */
  readonly incarnation: string;
  /** Told of each message that was taken from NATS, and of repairs. */
  readonly onMessage: () => void;
  readonly onRepaired: (messages: number) => void;
  readonly turnEnd: TurnEnd;
}

interface Entry {
  readonly channel: Channel;
  holds: number;
  linger: Timer | undefined;
}

/** A share in a channel; the channel stays as long as somebody has one, and a while longer. */
export class ChannelHold {
  readonly #entry: Entry;
  readonly #giveBack: (entry: Entry) => void;
  #released = false;

  constructor(entry: Entry, giveBack: (entry: Entry) => void) {
    this.#entry = entry;
    this.#giveBack = giveBack;
  }

  get channel(): Channel {
    return this.#entry.channel;
  }

  /** Gives the share back. Idempotent. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#giveBack(this.#entry);
  }
}

/** Channels that began again tell their subscribers by then, whether NATS has confirmed their interest or not. */
const FLUSH_MS = 5_000;
/** How long a subscribe waits for its channel to open. */
const OPEN_TIMEOUT_MS = 5_000;

/** The channels that this connector has interest in: one NATS subscription each, however many subscribers. */
export class Hub {
  readonly #parts: HubParts;
  readonly #feeds = new Map<string, NamespaceFeed>();
  /** By namespace: make a channel there. */
  readonly #makers = new Map<string, (name: string) => Channel>();
  readonly #entries = new Map<string, Entry>();
  /** Without holds, longest first. */
  readonly #idle = new Set<Entry>();
  /** Of channels that are not open yet. */
  readonly #openings = new Map<Channel, Opening>();
  readonly #budget: RingBudget;
  readonly #flushes: SharedFlush;
  /** One function for all holds. */
  readonly #giveBack = (entry: Entry): void => {
    entry.holds -= 1;
    if (entry.holds === 0 && !this.#stopped) this.#linger(entry);
  };
  #epochs = 0;
  #stopped = false;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#budget = new RingBudget(parts.limits.ringBytes);
    this.#flushes = new SharedFlush(parts.bus, parts.clock);
    for (const namespace of parts.namespaces.all) this.#makers.set(namespace.name, this.#makerOf(namespace));
  }

  /** Begins to follow the streams. Rejects while one of them is not there yet; may be called again then. */
  async start(): Promise<void> {
    for (const [name, feed] of this.#feeds) {
      if (feed.epoch !== "") continue;
      try {
        await feed.start();
      } catch (error) {
        throw new Error(`the stream of the namespace ${name} can't be followed`, { cause: error });
      }
    }
    this.#parts.bus.subscribe(subjects.nudgeAll, ({ subject, data }) => {
      this.#onNudge(subject.slice(subjects.nudge("").length), Number(Buffer.from(data).toString("utf8")));
    });
  }

  /** Channels with interest at the moment. */
  get channels(): number {
    return this.#entries.size;
  }

  /** What the rings hold, in bytes. */
  get ringBytes(): number {
    return this.#budget.bytes;
  }

  /** The present epoch of a namespace with history; "" for others. */
  epochOf(namespace: string): string {
    return this.#feeds.get(namespace)?.epoch ?? "";
  }

  /** Takes a share in a channel of an existing namespace. The channel may not be open yet: see `open`. */
  hold(name: string): ChannelHold {
    let entry = this.#entries.get(name);
    if (!entry) {
      entry = { channel: this.#create(name), holds: 0, linger: undefined };
      this.#entries.set(name, entry);
    }
    const held = entry;
    held.holds += 1;
    held.linger?.cancel();
    held.linger = undefined;
    this.#idle.delete(held);
    return new ChannelHold(held, this.#giveBack);
  }

  /** Resolves when the channel is live. Rejects with NATS_UNAVAILABLE after 5 s. */
  async open(channel: Channel): Promise<void> {
    if (channel.isOpen) return;
    let opening = this.#openings.get(channel);
    if (!opening) {
      opening = new Opening(() => channel.opened(), this.#parts.clock);
      this.#openings.set(channel, opening);
    }
    await opening.wait(OPEN_TIMEOUT_MS, () => RpcError.natsUnavailable(`the history of ${channel.name} can't be reached at the moment`));
    this.#openings.delete(channel);
  }

  /** Ends all interest. */
  stop(): void {
    this.#stopped = true;
    for (const entry of [...this.#entries.values()]) this.#close(entry);
    for (const feed of this.#feeds.values()) feed.stop();
  }

  #linger(entry: Entry): void {
    const { clock, limits } = this.#parts;
    entry.linger = clock.after(limits.lingerMs, () => { this.#close(entry); });
    this.#idle.add(entry);
    for (const oldest of this.#idle) {
      if (this.#idle.size <= limits.lingeringChannels) break;
      this.#close(oldest);
    }
  }

  #close(entry: Entry): void {
    entry.linger?.cancel();
    this.#idle.delete(entry);
    this.#entries.delete(entry.channel.name);
    this.#openings.delete(entry.channel);
    entry.channel.close();
  }

  #create(name: string): Channel {
    const make = this.#makers.get(namespaceOf(name));
    if (!make) throw new RpcError("UNKNOWN_NAMESPACE", `no namespace is configured for ${name}`);
    return make(name);
  }

  #makerOf(namespace: Namespace): (name: string) => Channel {
    const { bus, interpreter, limits, clock, log, onMessage, onRepaired, turnEnd } = this.#parts;
    const { ringBytesPerChannel: ringBytes, waitingMessages, waitingBytes } = limits;
    const shared = {
      budget: this.#budget,
      ringBytes,
      turnEnd,
      log,
      onMessage,
      subscribe: (subject: string, handler: (message: BusMessage) => void): BusSubscription => bus.subscribe(subject, handler),
      interpret: (message: ChannelMessage): Publication | "tombstone" | undefined => interpreter.interpret(message, namespace),
    };
    if (!namespace.history) {
      const parts = { ...shared, bus, flush: this.#flush, newEpoch: this.#newEpoch };
      return (name) => new EphemeralChannel(name, parts);
    }
    const feed = new NamespaceFeed(namespace, this.#parts);
    this.#feeds.set(namespace.name, feed);
    const parts = { ...shared, feed, waitingMessages, waitingBytes, onRepaired, clock };
    return (name) => new StoredChannel(name, parts);
  }

  readonly #flush = (): Promise<void> => this.#flushes.afterNow(FLUSH_MS);

  readonly #newEpoch = (): string => `${this.#parts.incarnation}.${String(++this.#epochs)}`;

  /** The publish service stored a message that may not have been republished: a channel behind it looks. */
  #onNudge(name: string, sequence: number): void {
    const channel = this.#entries.get(name)?.channel;
    if (channel instanceof StoredChannel && channel.position.offset < sequence) channel.resync();
  }
}
