import type { Clock } from "../clock.js";

/** Requests that may go at once after a pause, before they are spaced: one who comes alone, or a few, wait for nothing. */
export const BURST = 4;

/**
 * A request that many callers share: every caller gets an answer to a request that was **sent after it asked**, so
 * whatever the caller did or read before, the answer is no older. Callers of one turn of the event loop share one request.
 * BURST requests go at once; after them they are `spacingMs` apart, and callers in between share the next one. A pause gives
 * one back per `spacingMs`, so in any stretch of time t at most BURST + t / `spacingMs` are sent.
 *
 * Worked example, 20 ms apart: callers at 0, 1, 2, 3 and 4 ms. The first four have requests of their own; the fifth's goes at
 * 20 ms, and serves whoever comes until then. After 80 ms of silence four may go at once again.
 */
export class SharedRequest<T> {
  readonly #send: () => Promise<T>;
  readonly #clock: Clock;
  readonly #spacingMs: number;
  /** Until when the requests that were sent would have taken, one per `spacingMs`. */
  #paidUntilMs = -Infinity;
  #next: Promise<T> | undefined;

  constructor(send: () => Promise<T>, clock: Clock, spacingMs: number) {
    this.#send = send;
    this.#clock = clock;
    this.#spacingMs = spacingMs;
  }

  /** The answer to a request sent after this call. Rejects with what the request rejects with. */
  afterNow(): Promise<T> {
    this.#next ??= new Promise((resolve, reject) => {
      const send = (): void => {
        // Whoever asks from here on asks after it was sent.
        this.#next = undefined;
        this.#paidUntilMs = Math.max(this.#paidUntilMs, this.#clock.monotonicMs()) + this.#spacingMs;
        this.#send().then(resolve, reject);
      };
      const dueMs = this.#paidUntilMs - (BURST - 1) * this.#spacingMs;
      this.#clock.after(Math.max(0, dueMs - this.#clock.monotonicMs()), send);
    });
    return this.#next;
  }
}
