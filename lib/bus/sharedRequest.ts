import type { Clock } from "../clock.js";

/**
 * A request that many callers share: every caller gets an answer to a request that was **sent after it asked**, so
 * whatever the caller did or read before, the answer is no older. Requests are at least `spacingMs` apart; callers in
 * between share the next one.
 */
export class SharedRequest<T> {
  readonly #send: () => Promise<T>;
  readonly #clock: Clock;
  readonly #spacingMs: number;
  #lastSentMs = -Infinity;
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
        this.#next = undefined;
        this.#lastSentMs = this.#clock.monotonicMs();
        this.#send().then(resolve, reject);
      };
      this.#clock.after(Math.max(0, this.#lastSentMs + this.#spacingMs - this.#clock.monotonicMs()), send);
    });
    return this.#next;
  }
}
