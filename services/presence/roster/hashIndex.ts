import { Column } from "./column.js";

/** In place of a row where there is none. */
export const NO_ROW = -1;

/** Chains before the first one is split. */
const FIRST_CHAINS = 64;

/**
 * Rows by a hash of what they hold: one chain for each row on average, 8 bytes a row. It grows by linear hashing: with each row
 * that is added one chain at most is split in two, so that no step is long, however many rows there are.
 */
export class HashIndex {
  readonly #hashOf: (row: number) => number;
  /** Row + 1; 0: none. */
  readonly #heads = new Column(Uint32Array);
  readonly #nexts = new Column(Uint32Array);
  /** Chains at the beginning of this round, a power of two; those below `#split` have been split in it. */
  #round = FIRST_CHAINS;
  #split = 0;
  #size = 0;

  /** `hashOf`: of a row that was added, an unsigned number of 32 bits. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf;
  }

  /** The first row of the chain in which rows of this hash are, among others; NO_ROW: none. */
  first(hash: number): number {
    return this.#heads.get(this.#chainOf(hash)) - 1;
  }

  /** The next row of the same chain. */
  next(row: number): number {
    return this.#nexts.get(row) - 1;
  }

  /** Adds a row, which must not be here. */
  add(row: number): void {
    this.#link(row);
    this.#size += 1;
    if (this.#size > this.#round + this.#split) this.#splitOne();
  }

  /** Takes out a row, which must be here and still hold what it did. */
  delete(row: number): void {
    const chain = this.#chainOf(this.#hashOf(row));
    const next = this.#nexts.get(row);
    let one = this.first(this.#hashOf(row));
    if (one === row) this.#heads.set(chain, next);
    while (one !== row && one !== NO_ROW) {
      const after = this.next(one);
      if (after === row) this.#nexts.set(one, next);
      one = after;
    }
    this.#size -= 1;
  }

  #chainOf(hash: number): number {
    const chain = hash & (this.#round - 1);
    return chain < this.#split ? hash & (2 * this.#round - 1) : chain;
  }

  #link(row: number): void {
    const chain = this.#chainOf(this.#hashOf(row));
    this.#nexts.set(row, this.#heads.get(chain));
    this.#heads.set(chain, row + 1);
  }

  #splitOne(): void {
    let row = this.#heads.get(this.#split) - 1;
    this.#heads.set(this.#split, 0);
    this.#split += 1;
    while (row !== NO_ROW) {
      const next = this.next(row);
      this.#link(row);
      row = next;
    }
    if (this.#split < this.#round) return;
    this.#round *= 2;
    this.#split = 0;
  }
}
