const PAGE_BITS = 16;
const PAGE_ROWS = 1 << PAGE_BITS;
const FIRST_ROWS = 256;
const TWO_TO_32 = 2 ** 32;

/**
 * The rows of a table, each a fixed number of fields: unsigned numbers of 32 bits, 0 where nothing was set. What belongs to a row lies
 * side by side: among ten million rows nearly every look is a miss of the CPU's caches, so that one row should be one look.
 * It grows by pages of 65,536 rows: nothing is copied but a first page that is smaller, at most a page stands empty, and a garbage
 * collector has nothing to look at in it.
 */
export class Records {
  readonly #fields: number;
  readonly #pages: Uint32Array[] = [];

  /** `fields`: of a row. */
  constructor(fields: number) {
    this.#fields = fields;
  }

  get(row: number, field: number): number {
    return this.#pages[row >>> PAGE_BITS]?.[(row & (PAGE_ROWS - 1)) * this.#fields + field] ?? 0;
  }

  set(row: number, field: number, value: number): void {
    const page = this.#pages[row >>> PAGE_BITS];
    const place = (row & (PAGE_ROWS - 1)) * this.#fields + field;
    if (page && place < page.length) page[place] = value;
    else this.#grow(row)[place] = value;
  }

  /** A whole number below 2^53, as `setWide` has put it into this field and the next. */
  getWide(row: number, field: number): number {
    return this.get(row, field) * TWO_TO_32 + this.get(row, field + 1);
  }

  /** Puts a whole number below 2^53 into a field and the next. */
  setWide(row: number, field: number, value: number): void {
    this.set(row, field, Math.floor(value / TWO_TO_32));
    this.set(row, field + 1, value % TWO_TO_32);
  }

  /** The page of a row, made or made longer. */
  #grow(row: number): Uint32Array {
    const last = row >>> PAGE_BITS;
    const fields = this.#fields;
    if (last > 0) while (this.#pages.length <= last) this.#pages.push(new Uint32Array(PAGE_ROWS * fields));
    const page = this.#pages[last];
    if (page && (row & (PAGE_ROWS - 1)) * fields < page.length) return page;
    const rows = Math.min(PAGE_ROWS, Math.max(FIRST_ROWS, 2 ** Math.ceil(Math.log2(row + 1))));
    const longer = new Uint32Array(rows * fields);
    if (page) longer.set(page);
    this.#pages[last] = longer;
    return longer;
  }
}
