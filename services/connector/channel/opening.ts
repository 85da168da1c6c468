import type { Clock } from "../../../lib/clock.js";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Those who wait for a channel to open. One who gives up leaves nothing behind: a channel may stay closed for hours, while
 * everybody asks for it again and again.
 */
export class Opening {
  readonly #opened: () => Promise<void>;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #isAwaited = false;

  /** `opened`: asked again only when it has rejected. */
  constructor(opened: () => Promise<void>, clock: Clock) {
    this.#opened = opened;
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Resolves when the channel is open. Rejects as `opened` does, or with `late` after a time. */
  wait(limitMs: number, late: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(limitMs, () => { waiter.reject(late()); });
      const settle = (tell: () => void): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        tell();
      };
      const waiter: Waiter = { resolve: () => { settle(resolve); }, reject: (error) => { settle(() => { reject(error); }); } };
      this.#waiters.add(waiter);
      this.#await();
    });
  }

  #await(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#opened().then(
      () => { for (const { resolve } of this.#waiters) resolve(); },
      (thrown: unknown) => {
        this.#isAwaited = false;
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        for (const { reject } of this.#waiters) reject(error);
      },
    );
  }
}
