import { type Clock, systemClock, type Timer } from "../../lib/clock.js";

/** The machine's clock. Told to hasten, it ends at once what waits for certain times, and lets nothing wait for them any more. */
export class HasteningClock implements Clock {
  readonly #delaysMs: ReadonlySet<number>;
  readonly #waiting = new Set<HastenedTimer>();
  #isHastened = false;

  /** `delaysMs`: the times that are not waited for once it hastens. */
  constructor(delaysMs: readonly number[]) {
    this.#delaysMs = new Set(delaysMs);
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  every(intervalMs: number, callback: () => void): Timer {
    return systemClock.every(intervalMs, callback);
  }

  after(delayMs: number, callback: () => void): Timer {
    if (!this.#delaysMs.has(delayMs)) return systemClock.after(delayMs, callback);
    const timer = new HastenedTimer(callback, this.#waiting);
    timer.set(this.#isHastened ? 0 : delayMs);
    return timer;
  }

  hasten(): void {
    this.#isHastened = true;
    for (const timer of this.#waiting) timer.set(0);
  }
}

class HastenedTimer implements Timer {
  readonly #callback: () => void;
  readonly #waiting: Set<HastenedTimer>;
  #timer: Timer | undefined;

  constructor(callback: () => void, waiting: Set<HastenedTimer>) {
    this.#callback = callback;
    this.#waiting = waiting;
  }

  set(delayMs: number): void {
    this.#timer?.cancel();
    this.#waiting.add(this);
    this.#timer = systemClock.after(delayMs, () => {
      this.#waiting.delete(this);
      this.#callback();
    });
  }

  cancel(): void {
    this.#waiting.delete(this);
    this.#timer?.cancel();
  }
}
