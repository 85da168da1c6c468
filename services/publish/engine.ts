import type { Bus } from "../../lib/bus/bus.js";
import { connectBus } from "../../lib/bus/connectBus.js";
import { ensureStreams } from "../../lib/bus/ensureStreams.js";
import { Publisher } from "../../lib/bus/publisher.js";
import { type Clock, sleep } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import type { PublishConfig } from "./config.js";
import { answerEpochRequests } from "./epochRequests.js";
import { Histories } from "./histories.js";
import { MAX_PAYLOAD_BYTES } from "../../lib/message/messageRules.js";
import { Sender } from "./sender.js";

/** Type, key, tags and what NATS adds. */
const HEADER_BYTES = 16 * 2 ** 10;

const RETRY_MS = 500;

/** What the engine needs. */
export interface EngineOptions {
  readonly config: PublishConfig;
  readonly log: Log;
  readonly clock: Clock;
  /** Told when `fault` may have changed. */
  readonly onChange: () => void;
}

/** What is given up because of a stop fails with this. */
const STOPPING = new Error("the service is stopping");

/** The side of the service that faces NATS: the connection, the streams, the epochs, the publishing. */
export class Engine implements Running {
  readonly #options: EngineOptions;
  readonly #parts = new StartedParts();
  readonly #abort = new AbortController();
  #bus: Bus | undefined;
  #publisher: Publisher | undefined;
  #sender: Sender | undefined;
  #streamsFault: string | undefined = "the streams are not checked yet";

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Whether `stop` was called. */
  get stopping(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Why nothing can be published at the moment; undefined when it can. */
  get fault(): string | undefined {
    if (!this.#bus) return "NATS has not answered yet";
    return this.#bus.connected ? this.#streamsFault : "disconnected from NATS";
  }

  /** Messages that JetStream has not acknowledged so far. */
  get unacknowledged(): number {
    return this.#publisher?.unacknowledged ?? 0;
  }

  /** Throws NOT_READY before the streams have been there once. */
  sender(): Sender {
    if (this.#sender) return this.#sender;
    throw new RpcError("NOT_READY", `the service is starting: ${this.fault ?? "a moment"}`, { retryAfterMs: 1_000 });
  }

  /** Connects, makes the streams, begins to publish. Waits for NATS as long as it takes; rejects with what can't mend itself. */
  async start(): Promise<void> {
    const { config, log, clock, onChange } = this.#options;
    const bus = await connectBus({ servers: config.natsUrls, name: "halley-publish", log }, clock, this.#abort.signal);
    this.#parts.add(bus, () => bus.close());
    await this.#endIfStopped();
    this.#bus = bus;
    const histories = this.#parts.add(new Histories({ bus, namespaces: config.namespaces, log, clock }), (part) => { part.stop(); });
    await this.#prepare(bus, histories);
    await this.#endIfStopped();
    this.#parts.add(answerEpochRequests(bus, histories, log), (subscription) => { subscription.unsubscribe(); });
    const publisher = this.#parts.add(new Publisher(bus, clock), (part) => { part.close(); });
    this.#publisher = publisher;
    this.#sender = new Sender({ bus, publisher, histories, clock });
    this.#parts.add(bus.onEvent((event) => {
      if (event === "reconnected") this.#prepareAgain(bus, histories);
      onChange();
    }), (stop) => { stop(); });
    onChange();
  }

  /** What was started after the stop is ended here. */
  async #endIfStopped(): Promise<void> {
    if (!this.stopping) return;
    await this.#parts.stop();
    throw STOPPING;
  }

  /** Gives up what is unacknowledged and disconnects. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort(STOPPING);
    await this.#parts.stop();
  }

  async #prepare(bus: Bus, histories: Histories): Promise<void> {
    const { config, log, clock } = this.#options;
    if (bus.maxPayloadBytes < MAX_PAYLOAD_BYTES + HEADER_BYTES) {
      throw new Error(`the NATS server takes ${String(bus.maxPayloadBytes)} bytes a message, Halley needs ${String(MAX_PAYLOAD_BYTES + HEADER_BYTES)}: raise its max_payload`);
    }
    await ensureStreams({ bus, namespaces: config.namespaces, log, clock, signal: this.#abort.signal });
    await this.#readEpochs(histories);
    this.#streamsFault = undefined;
  }

  /** As long as it takes: a stream may be electing its leader, now as at any other time. */
  async #readEpochs(histories: Histories): Promise<void> {
    const { log, clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await histories.refresh();
        return;
      } catch (error) {
        if (!(error instanceof RpcError) || !error.retryable) throw error;
        if (attempt === 1) log.warn({ err: error }, "waiting for the epochs");
        await sleep(clock, RETRY_MS, this.#abort.signal);
      }
    }
  }

  /** The server that we are with now may have lost its streams, or be another one. */
  #prepareAgain(bus: Bus, histories: Histories): void {
    this.#prepare(bus, histories).catch((error: unknown) => {
      if (this.#abort.signal.aborted || !bus.connected) return;
      this.#streamsFault = error instanceof Error ? error.message : String(error);
      this.#options.log.error({ err: error }, "the streams could not be checked after a reconnect");
    }).finally(this.#options.onChange);
  }
}
