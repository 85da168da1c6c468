import { type Clock } from "./clock.js";

/** A token bucket: so many at once after a pause, and so many a second from then on. */
export class Pace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = clock.monotonicMs();
  }

  /** Takes one, where there is one: 0. Otherwise nothing is taken, and the answer is when to ask again, in milliseconds. */
  take(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1_000);
    this.#tokens -= 1;
    return 0;
  }

  /** Full again: the other side counts anew. */
  reset(): void {
    this.#tokens = this.#burst;
    this.#atMs = this.#clock.monotonicMs();
  }
}
