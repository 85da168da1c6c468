import { type Clock, type Timer } from "../src/clock.js";

interface Scheduled {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  readonly #scheduled = new Set<Scheduled>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const one = { atMs: this.#nowMs + delayMs, callback };
    this.#scheduled.add(one);
    return { cancel: () => void this.#scheduled.delete(one) };
  }

  /** How many timers are pending. */
  get timers(): number {
    return this.#scheduled.size;
  }

  /** Moves time on, runs what falls due in order of time, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const due = [...this.#scheduled].filter((one) => one.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      this.#scheduled.delete(due);
      due.callback();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets everything that waits for promises run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
