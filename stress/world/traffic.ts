import { setTimeout as pause } from "node:timers/promises";
import { type CallFailure, TestPublisher, toTarget } from "../../test/helpers/publishService.js";
import type { Random } from "../random.js";
import type { Ledger } from "./ledger.js";
import { untilReached } from "./untilReached.js";

/** What is published, and how fast. */
export interface TrafficOptions {
  readonly channels: readonly string[];
  /** Between two messages of a lane, in milliseconds. */
  readonly everyMs?: number;
  /** Publishers side by side; each waits for its answer, and repeats with its key until there is one. */
  readonly lanes?: number;
  /** Each lane ends after so many; left out: at `stop`. */
  readonly count?: number;
  /** How long a publisher waits for an answer before it sends again, in milliseconds. */
  readonly deadlineMs?: number;
  /** Bytes of filler in each message. */
  readonly bytes?: number;
  /** Whether messages have no keys: what gets no answer is not sent again, and may be stored or not. */
  readonly isKeyless?: boolean;
  /** Takes the keys of this one, for its own numbers. */
  readonly keysOf?: Traffic;
  /** Ports of publish services. */
  readonly ports: readonly number[];
  readonly apiKey: string;
  readonly random: Random;
  readonly ledger: Ledger;
}

/** Wrong things that a publish may be told; all others are retried under the same key. */
const FINAL = new Set([3, 5, 7, 16]);

/** Backends that publish numbered messages until they are stopped, and keep book of what was acknowledged. */
export class Traffic {
  readonly faults: string[] = [];
  readonly #options: TrafficOptions;
  readonly #publishers: TestPublisher[];
  readonly #lanes: Promise<void>[];
  #isStopped = false;
  #count = 0;
  #retried = 0;
  #duplicates = 0;
  static #runs = 0;
  readonly #run = ++Traffic.#runs;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#publishers = options.ports.map((port) => new TestPublisher(port, options.apiKey));
    this.#lanes = Array.from({ length: options.lanes ?? 1 }, (_, lane) => this.#publish(lane));
  }

  /** What its first number, and its first key, is counted up from. */
  get base(): number {
    return this.#run * 10_000_000;
  }

  /** Resolves when all lanes have ended. */
  get ended(): Promise<void> {
    return Promise.all(this.#lanes).then(() => undefined);
  }

  /** How many were acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** How many were acknowledged as stored before: their first answer came too late. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** How many tries got no answer, or a retryable refusal; without keys, messages that were given up. */
  get retried(): number {
    return this.#retried;
  }

  /** Waits until so many more were acknowledged. Throws when for so long none is. */
  async flow(more: number, limitMs = 30_000): Promise<void> {
    const began = this.#count;
    if (await untilReached(() => this.#count, began + more, limitMs)) return;
    throw new Error(`${String(this.#count - began)} of ${String(more)} messages were acknowledged, and no more for ${String(limitMs)} ms`);
  }

  /** Ends when what is under way is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#lanes);
    for (const publisher of this.#publishers) publisher.close();
  }

  async #publish(lane: number): Promise<void> {
    const { channels, everyMs = 5, random, lanes = 1, count = Infinity } = this.#options;
    for (let n = lane + 1; !this.#isStopped && n <= count * lanes; n += lanes) {
      const channel = random.pick(channels);
      await this.#untilAcknowledged(channel, this.base + n);
      if (everyMs > 0) await pause(everyMs);
    }
  }

  async #untilAcknowledged(channel: string, n: number): Promise<void> {
    const { bytes = 0, deadlineMs = 6_000, isKeyless = false, keysOf, ledger, random } = this.#options;
    const key = isKeyless ? "" : String(n - this.base + (keysOf ?? this).base);
    const request = toTarget(channel, bytes === 0 ? { n } : { n, filler: "x".repeat(bytes) }, key);
    ledger.of(channel).begin(n);
    for (;;) {
      try {
        const { position, duplicate } = await random.pick(this.#publishers).publish(request, deadlineMs);
        const fault = position && ledger.of(channel).acknowledge(position, n);
        if (!position) ledger.of(channel).acknowledgeSent(n);
        if (fault !== undefined) this.faults.push(`${channel}: ${fault}`);
        this.#count += 1;
        if (duplicate) this.#duplicates += 1;
        return;
      } catch (error) {
        const { code, message } = error as CallFailure;
        if (FINAL.has(code)) {
          this.faults.push(`${channel}: a publish was refused: ${message}`);
          return;
        }
        this.#retried += 1;
        if (isKeyless) return;
        await pause(20);
      }
    }
  }
}
