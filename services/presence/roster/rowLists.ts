import type { Records } from "./records.js";

/** The fields of a table's rows that belong to its lists: the row + 1 each, 0 at an end. */
interface ListFields {
  readonly next: number;
  readonly previous: number;
}

/** Where lists begin: the first row + 1 of each key's list, 0: it is empty. */
interface Heads {
  get(key: number): number;
  set(key: number, first: number): void;
}

/** Rows in lists, one for each key; a row is in one list at most. Nothing is looked for: each step is a few fields. */
export class RowLists {
  readonly #rows: Records;
  readonly #fields: ListFields;
  readonly #heads: Heads;

  constructor(rows: Records, fields: ListFields, heads: Heads) {
    this.#rows = rows;
    this.#fields = fields;
    this.#heads = heads;
  }

  /** Puts a row that is in no list first in that of a key. */
  add(key: number, row: number): void {
    const { next, previous } = this.#fields;
    const first = this.#heads.get(key);
    this.#rows.set(row, next, first);
    this.#rows.set(row, previous, 0);
    if (first !== 0) this.#rows.set(first - 1, previous, row + 1);
    this.#heads.set(key, row + 1);
  }

  /** Takes a row out of the list of a key, which it must be in. */
  delete(key: number, row: number): void {
    const fields = this.#fields;
    const next = this.#rows.get(row, fields.next);
    const previous = this.#rows.get(row, fields.previous);
    if (next !== 0) this.#rows.set(next - 1, fields.previous, previous);
    if (previous !== 0) this.#rows.set(previous - 1, fields.next, next);
    else this.#heads.set(key, next);
  }

  /** The rows of a key, the last that was added first. The list must not change meanwhile. */
  *of(key: number): Generator<number> {
    for (let row = this.#heads.get(key); row !== 0; row = this.#rows.get(row - 1, this.#fields.next)) yield row - 1;
  }
}
