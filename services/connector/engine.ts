import type { Bus } from "../../lib/bus/bus.js";
import { connectBus } from "../../lib/bus/connectBus.js";
import type { Clock } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import type { Metrics } from "../../lib/ops/metrics.js";
import type { ConnectorConfig } from "./config.js";
import { ConnectorTally, registerConnectorMetrics } from "./connectorMetrics.js";
import { Core } from "./core.js";

/** What the engine needs. */
interface EngineParts {
  readonly config: ConnectorConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** The side of a connector that faces NATS: it is there before NATS is, and says what is missing. */
export class Engine implements Running {
  readonly #options: EngineParts;
  readonly #tally = new ConnectorTally();
  readonly #parts = new StartedParts();
  readonly #abort = new AbortController();
  #bus: Bus | undefined;
  #core: Core | undefined;
  #ready = false;

  constructor(options: EngineParts) {
    this.#options = options;
    registerConnectorMetrics(options.metrics, this.#tally, {
      webSockets: () => this.#core?.webSockets.size ?? 0,
      polls: () => this.#core?.polls.waiting ?? 0,
      sessions: () => this.#core?.sessions.size ?? 0,
      channels: () => this.#core?.hub.channels ?? 0,
      ringBytes: () => this.#core?.hub.ringBytes ?? 0,
      waitingQuestions: () => this.#bus?.answers.waiting ?? 0,
      encodedBytes: () => this.#core?.polls.encodedBytes ?? 0,
      queuedBytes: () => this.#core?.webSockets.queuedBytes ?? 0,
    });
  }

  /** Why it can't do its work at the moment; undefined when it can. */
  get fault(): string | undefined {
    if (!this.#bus) return "NATS has not answered yet";
    if (!this.#bus.connected) return "disconnected from NATS";
    return this.#ready ? undefined : "the streams are not there yet";
  }

  /** Why nobody may connect; undefined when they may. While NATS is away they may: it comes back. */
  get closedBecause(): string | undefined {
    if (this.stopping) return "this connector is going away";
    return this.#ready ? undefined : "this connector is starting";
  }

  /** WebSockets and waiting polls. */
  get connections(): number {
    return this.#core ? this.#core.webSockets.size + this.#core.polls.waiting : 0;
  }

  get stopping(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Throws NOT_READY before NATS was there once. */
  core(): Core {
    if (this.#core && this.#ready) return this.#core;
    throw new RpcError("NOT_READY", "this connector is starting", { retryAfterMs: 1_000 });
  }

  /** Connects and follows the streams. Waits for NATS and for the streams as long as it takes. */
  async start(): Promise<void> {
    const { config, log, clock } = this.#options;
    const { signal } = this.#abort;
    const bus = await connectBus({ servers: config.natsUrls, name: "halley-connector", log }, clock, signal);
    this.#bus = this.#parts.add(bus, () => bus.close());
    const core = new Core({ config, bus, clock, log, tally: this.#tally });
    this.#core = this.#parts.add(core, () => core.stop());
    await core.start(signal);
    this.#ready = true;
  }

  /** Drains. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error("the connector is stopping"));
    await this.#parts.stop();
  }
}
