import { Records } from "./records.js";

/** In place of a row where there is none. */
export const NO_ROW = -1;

/** Chains before the first one is split. */
const FIRST_CHAINS = 64;

/** The fields of a table's rows that belong to its index. */
interface IndexFields {
  readonly hash: number;
  /** The next row of the chain + 1; 0: none. */
  readonly next: number;
}

/**
 * Rows by a hash of what they hold: one chain for each row on average, 4 bytes a row beside two fields of the row itself. It
 * grows by linear hashing: with each row that is added one chain at most is split in two, so that no step is long, however
 * many rows there are.
 */
export class HashIndex {
  readonly #rows: Records;
  readonly #fields: IndexFields;
  /** Row + 1; 0: none. */
  readonly #heads = new Records(1);
  /** Chains at the beginning of this round, a power of two; those below `#split` have been split in it. */
  #round = FIRST_CHAINS;
  #split = 0;
  #size = 0;

  constructor(rows: Records, fields: IndexFields) {
    this.#rows = rows;
    this.#fields = fields;
  }

  /** The first row with a hash, an unsigned number of 32 bits; NO_ROW: none. */
  first(hash: number): number {
    return this.#nextWith(hash, this.#heads.get(this.#chainOf(hash), 0) - 1);
  }

  /** The next row with the same hash; NO_ROW: none. */
  next(row: number): number {
    return this.#nextWith(this.#hashOf(row), this.#behind(row));
  }

  /** Adds a row, which must not be here. */
  add(row: number, hash: number): void {
    this.#rows.set(row, this.#fields.hash, hash);
    this.#link(row);
    this.#size += 1;
    if (this.#size > this.#round + this.#split) this.#splitOne();
  }

  /** Takes out a row, which must be here. */
  delete(row: number): void {
    const chain = this.#chainOf(this.#hashOf(row));
    const next = this.#rows.get(row, this.#fields.next);
    let one = this.#heads.get(chain, 0) - 1;
    if (one === row) this.#heads.set(chain, 0, next);
    while (one !== row && one !== NO_ROW) {
      const after = this.#behind(one);
      if (after === row) this.#rows.set(one, this.#fields.next, next);
      one = after;
    }
    this.#size -= 1;
  }

  #hashOf(row: number): number {
    return this.#rows.get(row, this.#fields.hash);
  }

  #behind(row: number): number {
    return this.#rows.get(row, this.#fields.next) - 1;
  }

  /** The first with a hash, from a row of its chain on. */
  #nextWith(hash: number, from: number): number {
    let row = from;
    while (row !== NO_ROW && this.#hashOf(row) !== hash) row = this.#behind(row);
    return row;
  }

  #chainOf(hash: number): number {
    const chain = hash & (this.#round - 1);
    return chain < this.#split ? hash & (2 * this.#round - 1) : chain;
  }

  #link(row: number): void {
    const chain = this.#chainOf(this.#hashOf(row));
    this.#rows.set(row, this.#fields.next, this.#heads.get(chain, 0));
    this.#heads.set(chain, 0, row + 1);
  }

  #splitOne(): void {
    let row = this.#heads.get(this.#split, 0) - 1;
    this.#heads.set(this.#split, 0, 0);
    this.#split += 1;
    while (row !== NO_ROW) {
      const next = this.#behind(row);
      this.#link(row);
      row = next;
    }
    if (this.#split < this.#round) return;
    this.#round *= 2;
    this.#split = 0;
  }
}
