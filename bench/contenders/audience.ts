import type { Running } from "../../lib/lifecycle.js";
import type { Arrival } from "../load/crowd.js";
import type { Run } from "../load/fanoutRun.js";
import type { SubscribersCommands } from "../load/subscribers.js";
import { stampedPayload } from "../payload.js";
import { Child } from "../process/child.js";
import type { Contender, Shot } from "./contender.js";

/** Who comes. */
export interface AudienceOptions {
  readonly connections: number;
  /** How many open at a time. */
  readonly concurrency: number;
  readonly channels: readonly string[];
}

const CROWD = "audience";
/** Of the messages that are published while the audience is cut off. */
const MISSED_BYTES = 128;

/**
 * The subscribers of one contender, in a load generator of their own: a process may have 20,000 file descriptors, and code
 * that heard several dialects would be slower at each.
 */
export class Audience implements Running {
  readonly #contender: Contender;
  readonly #options: AudienceOptions;
  readonly #process: Child<SubscribersCommands>;

  /** Starts the load generator; nobody comes before `open`. */
  constructor(contender: Contender, options: AudienceOptions, signal: AbortSignal) {
    this.#contender = contender;
    this.#options = options;
    this.#process = new Child({ name: `the load generator of ${contender.name}`, module: new URL("../load/subscribers.js", import.meta.url), signal });
  }

  /** The load generator's process, for commands that only one part needs. */
  get process(): Child<SubscribersCommands> {
    return this.#process;
  }

  /** Its name in the load generator's commands. */
  get crowd(): string {
    return CROWD;
  }

  /** Connects all and subscribes them. */
  open(): Promise<Arrival> {
    const { port, dialect, secret } = this.#contender;
    return this.#process.ask("open", { crowd: CROWD, port, dialect, ...this.#options, ...(secret !== undefined && { secret }) });
  }

  /** Breaks all connections at once and opens them again; `missed` messages are published in between, and each must get them. */
  async comeBack(concurrency: number, missed: number): Promise<Arrival> {
    const shot = { channels: this.#options.channels, payload: stampedPayload(0, MISSED_BYTES), burst: missed };
    return this.#process.ask("comeBack", { crowd: CROWD, concurrency, missed, source: missed === 0 ? undefined : await this.#contender.source(shot) });
  }

  /** Has messages delivered for a while, burst by burst. */
  async run(shot: Omit<Shot, "channels">, duration: { readonly warmUpMs: number; readonly measureMs: number }): Promise<Run> {
    const source = await this.#contender.source({ ...shot, channels: this.#options.channels });
    return this.#process.ask("fanout", { crowd: CROWD, source, burst: shot.burst, pids: this.#contender.pids, ...duration });
  }

  /** A message as it reaches a subscriber, without what WebSocket puts around it. */
  async sample(payload: string): Promise<Buffer> {
    const source = await this.#contender.source({ channels: this.#options.channels, payload, burst: 1 });
    return Buffer.from(await this.#process.ask("sample", { crowd: CROWD, source }), "base64");
  }

  /** Throws unless all are still connected, and nothing was published. */
  expectSilence(): Promise<void> {
    return this.#process.ask("expectSilence", { crowd: CROWD });
  }

  /** Disconnects all. */
  close(): Promise<void> {
    return this.#process.ask("close", { crowd: CROWD });
  }

  /** Ends the load generator, and with it all connections. */
  stop(): Promise<void> {
    return this.#process.stop();
  }
}
