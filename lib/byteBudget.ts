import { Fifo } from "./fifo.js";

interface InLine {
  readonly bytes: number;
  readonly begin: () => void;
}

/** Lets pieces of work run together as long as their bytes stay within a total; the others wait in line, first come, first served. */
export class ByteBudget {
  readonly #total: number;
  #free: number;
  readonly #line = new Fifo<InLine>();

  constructor(bytes: number) {
    this.#total = bytes;
    this.#free = bytes;
  }

  /** Runs `work`, which may take so many bytes, when its turn comes; settles as it does. More than the total runs alone. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#total);
    if (this.#line.length === 0 && taken <= this.#free) this.#free -= taken;
    else await new Promise<void>((begin) => { this.#line.push({ bytes: taken, begin }); });
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    for (let next = this.#line.first; next && next.bytes <= this.#free; next = this.#line.first) {
      this.#free -= next.bytes;
      this.#line.shift();
      next.begin();
    }
  }
}
