/** The arrays that a column may be made of. */
type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const PAGE_BITS = 16;
const PAGE_ROWS = 1 << PAGE_BITS;
const FIRST_ROWS = 256;

/**
 * A column of a table: one number per row, 0 where none was set. It grows by pages of 65,536 rows: nothing is copied but a first page
 * that is smaller, at most a page stands empty, and a garbage collector has nothing to look at in it.
 */
export class Column {
  readonly #kind: new (length: number) => Numbers;
  readonly #pages: Numbers[] = [];

  constructor(kind: new (length: number) => Numbers) {
    this.#kind = kind;
  }

  get(row: number): number {
    return this.#pages[row >>> PAGE_BITS]?.[row & (PAGE_ROWS - 1)] ?? 0;
  }

  set(row: number, value: number): void {
    const page = this.#pages[row >>> PAGE_BITS];
    const place = row & (PAGE_ROWS - 1);
    if (page && place < page.length) page[place] = value;
    else this.#grow(row)[place] = value;
  }

  /** The page of a row, made or made longer. */
  #grow(row: number): Numbers {
    const last = row >>> PAGE_BITS;
    if (last > 0) while (this.#pages.length <= last) this.#pages.push(new this.#kind(PAGE_ROWS));
    const page = this.#pages[last];
    if (page && (row & (PAGE_ROWS - 1)) < page.length) return page;
    const longer = new this.#kind(Math.min(PAGE_ROWS, Math.max(FIRST_ROWS, 2 ** Math.ceil(Math.log2(row + 1)))));
    if (page) longer.set(page);
    this.#pages[last] = longer;
    return longer;
  }
}
