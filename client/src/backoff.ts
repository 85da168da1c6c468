/** When to try again: exponential, with full jitter from the first retry on, so that a deploy is no stampede. */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  readonly #capMs: number;
  #attempt = 0;

  /** `random` gives numbers in [0, 1). Before attempt n (from 0) at most `min(capMs, baseMs * 2^n)` is waited. */
  constructor(random: () => number, baseMs = 1_000, capMs = 30_000) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** The next delay in milliseconds, anywhere between 0 and the bound, but not below what the server asked for. */
  next(notBeforeMs = 0): number {
    const bound = Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return Math.max(notBeforeMs, Math.floor(this.#random() * bound));
  }

  /** Begins again at the smallest bound. */
  reset(): void {
    this.#attempt = 0;
  }
}
