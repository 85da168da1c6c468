import type { Clock, Timer } from "../../lib/clock.js";

interface Scheduled {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #scheduled = new Set<Scheduled>();

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#schedule({ atMs: this.#nowMs + delayMs, everyMs: undefined, callback });
  }

  every(intervalMs: number, callback: () => void): Timer {
    return this.#schedule({ atMs: this.#nowMs + intervalMs, everyMs: intervalMs, callback });
  }

  /** How many timers are pending. */
  get timers(): number {
    return this.#scheduled.size;
  }

  /** Moves time on and runs what falls due, in order of time. */
  advance(ms: number): void {
    const until = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#scheduled].filter((one) => one.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      if (due.everyMs === undefined) this.#scheduled.delete(due);
      else due.atMs += due.everyMs;
      due.callback();
    }
    this.#nowMs = until;
  }

  #schedule(one: Scheduled): Timer {
    this.#scheduled.add(one);
    return { cancel: () => { this.#scheduled.delete(one); } };
  }
}
