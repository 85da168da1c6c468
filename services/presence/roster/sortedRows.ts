/** What rows are sorted by. */
export interface RowOrder {
  /** Below 0, 0 or above 0, as arrays are sorted. */
  compare(row: number, other: number): number;
  /** The same with the UTF-8 bytes of an id that need not have a row. */
  compareTo(row: number, id: Uint8Array, length: number): number;
}

/** Rows per chunk before it is cut in two: what an insertion moves at most. */
const CHUNK = 512;
/** A chunk with fewer rows goes into the one beside it where both have room. */
const FEW = CHUNK / 4;
/** A chunk of two has so many rows at most: it is not cut in two by the next that are added. */
const TOGETHER = (CHUNK * 3) / 4;
const FIRST_ROOM = 8;

/** Rows beside each other, in order. */
class Chunk {
  rows: Uint32Array;
  length: number;

  constructor(rows: Uint32Array, length: number) {
    this.rows = rows;
    this.length = length;
  }

  get last(): number {
    return this.rows[this.length - 1] ?? 0;
  }

  insert(place: number, row: number): void {
    if (this.length === this.rows.length) this.#widen();
    this.rows.copyWithin(place + 1, place, this.length);
    this.rows[place] = row;
    this.length += 1;
  }

  remove(place: number): void {
    this.rows.copyWithin(place, place + 1, this.length);
    this.length -= 1;
  }

  /** Takes the rows of the chunk behind this one, which has room for them. */
  append({ rows, length }: Chunk): void {
    while (this.rows.length < this.length + length) this.#widen();
    this.rows.set(rows.subarray(0, length), this.length);
    this.length += length;
  }

  /** Cuts off the upper half and gives it. */
  halve(): Chunk {
    const keep = this.length >>> 1;
    const upper = new Uint32Array(CHUNK + 1);
    upper.set(this.rows.subarray(keep, this.length));
    const chunk = new Chunk(upper, this.length - keep);
    this.length = keep;
    return chunk;
  }

  #widen(): void {
    const wider = new Uint32Array(Math.min(this.rows.length * 2, CHUNK + 1));
    wider.set(this.rows);
    this.rows = wider;
  }
}

/**
 * A set of rows in the order of their ids. Adding and deleting cost O(log n) comparisons and one move within a chunk, a page
 * O(log n + page), so that pages need no sorting and hold under change: an id that stays is listed exactly once by pages that
 * continue after the last id seen. 4 to 16 bytes a row: chunks are a quarter full at least, but for neighbours of fuller ones.
 */
export class SortedRows {
  readonly #order: RowOrder;
  readonly #chunks: Chunk[] = [];

  constructor(order: RowOrder) {
    this.#order = order;
  }

  /** How many rows the memory that it takes has room for. */
  get room(): number {
    return this.#chunks.reduce((sum, { rows }) => sum + rows.length, 0);
  }

  /** Adds a row, whose id must not be here. */
  add(row: number): void {
    const at = Math.min(this.#chunkOf((one) => this.#order.compare(one, row)), Math.max(0, this.#chunks.length - 1));
    const chunk = this.#chunks[at] ?? this.#firstChunk();
    chunk.insert(this.#placeIn(chunk, (one) => this.#order.compare(one, row)), row);
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.halve());
  }

  /** Takes out a row, which must be here and still have its id. */
  delete(row: number): void {
    const at = this.#chunkOf((one) => this.#order.compare(one, row));
    const chunk = this.#chunks[at];
    if (!chunk) return;
    chunk.remove(this.#placeIn(chunk, (one) => this.#order.compare(one, row)));
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    else if (chunk.length < FEW) this.#merge(at);
  }

  /** Joins a chunk with the one before or behind it where both are small: chunks that only a few rows stay in would take a page each. */
  #merge(at: number): void {
    for (const first of [at, at - 1]) {
      const [one, other] = [this.#chunks[first], this.#chunks[first + 1]];
      if (!one || !other || one.length + other.length > TOGETHER) continue;
      one.append(other);
      this.#chunks.splice(first + 1, 1);
      return;
    }
  }

  /** The first `limit` rows whose ids are behind `id` (which need not be here); undefined: from the beginning. */
  after(id: string | undefined, limit: number): number[] {
    const page: number[] = [];
    const key = Buffer.from(id ?? "");
    // Not before the id, and not the id itself.
    const compare = (row: number): number => this.#order.compareTo(row, key, key.length) || -1;
    let at = id === undefined ? 0 : this.#chunkOf(compare);
    const first = this.#chunks[at];
    let from = id === undefined || !first ? 0 : this.#placeIn(first, compare);
    for (; page.length < limit && at < this.#chunks.length; at++, from = 0) {
      const chunk = this.#chunks[at];
      for (let place = from; chunk && place < chunk.length && page.length < limit; place++) page.push(chunk.rows[place] ?? 0);
    }
    return page;
  }

  #firstChunk(): Chunk {
    const chunk = new Chunk(new Uint32Array(FIRST_ROOM), 0);
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The first chunk whose last row is not before what is sought; the number of chunks when all are. */
  #chunkOf(compare: (row: number) => number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#chunks[middle]?.last ?? 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the first row of a chunk that is not before what is sought. */
  #placeIn(chunk: Chunk, compare: (row: number) => number): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(chunk.rows[middle] ?? 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
