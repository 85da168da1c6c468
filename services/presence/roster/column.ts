/** The arrays that a column may be made of. */
type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const PAGE_BITS = 12;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/**
 * A column of a table: one number per row, 0 where none was set. It grows by pages of 4,096 rows: nothing is copied, at most a page
 * stands empty, and a garbage collector has nothing to look at in it.
 */
export class Column {
  readonly #kind: new (length: number) => Numbers;
  readonly #pages: Numbers[] = [];

  constructor(kind: new (length: number) => Numbers) {
    this.#kind = kind;
  }

  get(row: number): number {
    return this.#pages[row >>> PAGE_BITS]?.[row & PAGE_MASK] ?? 0;
  }

  set(row: number, value: number): void {
    const page = this.#pages[row >>> PAGE_BITS] ?? this.#grow(row >>> PAGE_BITS);
    page[row & PAGE_MASK] = value;
  }

  #grow(page: number): Numbers {
    while (this.#pages.length < page) this.#pages.push(new this.#kind(PAGE_MASK + 1));
    const last = new this.#kind(PAGE_MASK + 1);
    this.#pages.push(last);
    return last;
  }
}
