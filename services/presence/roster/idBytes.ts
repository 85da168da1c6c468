import { Column } from "./column.js";
import { hashBytes, type HashKey } from "./hashBytes.js";

/** Places are multiples of this many bytes long: what an id wastes at most is 3. */
const STEP = 4;
const PAGE_BYTES = 16 * 1024;

/** A length's places: pages of bytes, and the places that are free again. */
interface Shelf {
  readonly placeBytes: number;
  readonly perPage: number;
  readonly pages: Buffer[];
  used: number;
  /** Place + 1 of the first free one, which holds the next in its first bytes; 0: none. */
  free: number;
}

/**
 * The UTF-8 bytes of ids, one for each row of a table, outside the heap: 5 bytes a row beside the bytes themselves, which
 * are rounded up to 4. Ids have 1 to 255 bytes.
 */
export class IdBytes {
  readonly #shelves: (Shelf | undefined)[] = [];
  readonly #places = new Column(Uint32Array);
  readonly #lengths = new Column(Uint8Array);

  /** Keeps a copy of the first `length` bytes as the id of a row that has none. */
  put(row: number, bytes: Uint8Array, length: number): void {
    this.#places.set(row, takePlace(this.#shelfFor(length)));
    this.#lengths.set(row, length);
    const { page, start } = this.#stretchOf(row);
    for (let at = 0; at < length; at++) page[start + at] = bytes[at] ?? 0;
  }

  /** Frees what the row's id takes. */
  delete(row: number): void {
    const { page, start, length } = this.#stretchOf(row);
    const shelf = this.#shelfFor(length);
    page.writeUInt32LE(shelf.free, start);
    shelf.free = this.#places.get(row) + 1;
    this.#lengths.set(row, 0);
  }

  /** The id of a row; "" where it has none. */
  text(row: number): string {
    if (this.#lengths.get(row) === 0) return "";
    const { page, start, length } = this.#stretchOf(row);
    return page.toString("utf8", start, start + length);
  }

  /** Orders the ids of two rows by their bytes: below 0, 0 or above 0. */
  compare(row: number, other: number): number {
    return compareBytes(this.#stretchOf(row), this.#stretchOf(other));
  }

  /** Orders a row's id and the first `length` of `bytes`. */
  compareTo(row: number, bytes: Uint8Array, length: number): number {
    return compareBytes(this.#stretchOf(row), { page: bytes, start: 0, length });
  }

  /** Whether a row's id is the first `length` of `bytes`. */
  is(row: number, bytes: Uint8Array, length: number): boolean {
    return this.#lengths.get(row) === length && this.compareTo(row, bytes, length) === 0;
  }

  /** A number of 32 bits that depends on a row's id and on `key`. */
  hash(row: number, key: HashKey): number {
    const { page, start, length } = this.#stretchOf(row);
    return hashBytes(page, start, length, key);
  }

  /** Where the bytes of a row's id are. */
  #stretchOf(row: number): Stretch {
    const length = this.#lengths.get(row);
    const { pages, perPage, placeBytes } = this.#shelfFor(length);
    const place = this.#places.get(row);
    const page = pages[Math.floor(place / perPage)];
    if (!page) throw new RangeError(`the row ${String(row)} has no id`);
    return { page, start: (place % perPage) * placeBytes, length };
  }

  #shelfFor(length: number): Shelf {
    const index = Math.ceil(length / STEP);
    return (this.#shelves[index] ??= { placeBytes: index * STEP, perPage: Math.floor(PAGE_BYTES / (index * STEP)), pages: [], used: 0, free: 0 });
  }
}

/** The bytes of an id. */
interface Stretch<T extends Uint8Array = Buffer> {
  readonly page: T;
  readonly start: number;
  readonly length: number;
}

function compareBytes(left: Stretch<Uint8Array>, right: Stretch<Uint8Array>): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const difference = (left.page[left.start + at] ?? 0) - (right.page[right.start + at] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function takePlace(shelf: Shelf): number {
  const { pages, perPage, placeBytes } = shelf;
  if (shelf.free === 0) {
    if (shelf.used === pages.length * perPage) pages.push(Buffer.alloc(PAGE_BYTES));
    shelf.used += 1;
    return shelf.used - 1;
  }
  const place = shelf.free - 1;
  shelf.free = pages[Math.floor(place / perPage)]?.readUInt32LE((place % perPage) * placeBytes) ?? 0;
  return place;
}
