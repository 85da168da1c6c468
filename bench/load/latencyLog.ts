import { monotonicUs } from "../monotonic.js";
import { readStampUs } from "../payload.js";
import { quantile } from "../statistics.js";
import type { OnMessage } from "./frameReader.js";

/** Latencies, in milliseconds. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Latencies of stamped publications, from the moment at which each was **to be** sent: a generator that is late, because
 * anything stalls, counts as much as a message that is late, so that stalls can't hide (coordinated omission).
 */
export class LatencyLog {
  readonly #fromUs: number;
  readonly #latenciesUs: Float64Array;
  #count = 0;

  /** Logs what was to be sent at `fromUs` or later, `capacity` latencies at most; what is more is an error. */
  constructor(fromUs: number, capacity: number) {
    this.#fromUs = fromUs;
    this.#latenciesUs = new Float64Array(capacity);
  }

  readonly onPublication: OnMessage = (bytes, from, to) => {
    const atUs = readStampUs(bytes, from, to);
    if (atUs < this.#fromUs) return;
    this.add(monotonicUs() - atUs);
  };

  /** Logs one. */
  add(latencyUs: number): void {
    if (this.#count === this.#latenciesUs.length || Number.isNaN(latencyUs)) throw new Error("more or other messages came than were sent");
    this.#latenciesUs[this.#count++] = latencyUs;
  }

  /** What was logged so far. */
  summary(): Latencies {
    const sorted = this.#latenciesUs.slice(0, this.#count).sort();
    const ms = (share: number): number => quantile(sorted, share) / 1_000;
    return { count: this.#count, p50Ms: ms(0.5), p99Ms: ms(0.99), maxMs: ms(1) };
  }
}
