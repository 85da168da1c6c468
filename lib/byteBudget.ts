import type { Clock, Timer } from "./clock.js";
import { Fifo } from "./fifo.js";

/** How a budget is made. */
export interface ByteBudgetParts {
  /** What work under way may take together. */
  readonly bytes: number;
  readonly clock: Clock;
  /** The longest wait in line, in milliseconds. */
  readonly waitMs: number;
  /** What work that has waited so long is rejected with. */
  readonly late: () => Error;
}

interface InLine {
  readonly bytes: number;
  readonly lateAtMs: number;
  readonly begin: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Lets pieces of work run together as long as their bytes stay within a total; the others wait in line, first come, first served, for
 * `waitMs` at most.
 */
export class ByteBudget {
  readonly #parts: ByteBudgetParts;
  #free: number;
  readonly #line = new Fifo<InLine>();
  /** For the front of the line: all wait equally long. */
  #timer: Timer | undefined;

  constructor(parts: ByteBudgetParts) {
    this.#parts = parts;
    this.#free = parts.bytes;
  }

  /** How many pieces of work wait in line. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Runs `work`, which may take so many bytes, when its turn comes; settles as it does. More than the total runs alone. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#parts.bytes);
    if (this.#line.length === 0 && taken <= this.#free) this.#free -= taken;
    else await this.#waitInLine(taken);
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#beginNext();
    }
  }

  #waitInLine(bytes: number): Promise<void> {
    const { clock, waitMs } = this.#parts;
    return new Promise((begin, reject) => {
      this.#line.push({ bytes, lateAtMs: clock.monotonicMs() + waitMs, begin, reject });
      this.#timer ??= clock.after(waitMs, () => { this.#onLate(); });
    });
  }

  #beginNext(): void {
    for (let next = this.#line.first; next && next.bytes <= this.#free; next = this.#line.first) {
      this.#free -= next.bytes;
      this.#line.shift();
      next.begin();
    }
    if (this.#line.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #onLate(): void {
    const { clock, late } = this.#parts;
    this.#timer = undefined;
    for (let next = this.#line.first; next && next.lateAtMs <= clock.monotonicMs(); next = this.#line.first) {
      this.#line.shift();
      next.reject(late());
    }
    // Who is behind them may take less.
    this.#beginNext();
    const { first } = this.#line;
    if (first) this.#timer = clock.after(Math.max(1, first.lateAtMs - clock.monotonicMs()), () => { this.#onLate(); });
  }
}
