/** Places are multiples of this many bytes long: what an id wastes at most is 3. */
const STEP = 4;
/** Large, so that there are few; what of it was never written takes no memory. */
const PAGE_BYTES = 256 * 1024;

/** The places for a length: pages of bytes, and the places that are free again. */
interface Shelf {
  readonly placeBytes: number;
  readonly perPage: number;
  readonly pages: Buffer[];
  used: number;
  /** Place + 1 of the first free one, which holds the next in its first bytes; 0: none. */
  free: number;
}

/** Where an id is kept. */
export interface IdPlace {
  /** Among those of its length. */
  readonly place: number;
  /** In bytes, 1 to 255. */
  readonly length: number;
}

/** The UTF-8 bytes of ids, outside the heap, rounded up to 4. */
export class IdBytes {
  readonly #shelves: (Shelf | undefined)[] = [];

  /** Keeps a copy of the first `length` bytes; gives its place. */
  put(bytes: Uint8Array, length: number): number {
    const place = takePlace(this.#shelfFor(length));
    const { page, start } = this.#stretchOf({ place, length });
    for (let at = 0; at < length; at++) page[start + at] = bytes[at] ?? 0;
    return place;
  }

  /** Frees a place. */
  delete(id: IdPlace): void {
    const { page, start } = this.#stretchOf(id);
    const shelf = this.#shelfFor(id.length);
    page.writeUInt32LE(shelf.free, start);
    shelf.free = id.place + 1;
  }

  text(id: IdPlace): string {
    const { page, start, length } = this.#stretchOf(id);
    return page.toString("utf8", start, start + length);
  }

  /** Orders two ids by their bytes: below 0, 0 or above 0. */
  compare(id: IdPlace, other: IdPlace): number {
    return compareBytes(this.#stretchOf(id), this.#stretchOf(other));
  }

  /** Orders an id and the first `length` of `bytes`. */
  compareTo(id: IdPlace, bytes: Uint8Array, length: number): number {
    return compareBytes(this.#stretchOf(id), { page: bytes, start: 0, length });
  }

  #stretchOf({ place, length }: IdPlace): Stretch {
    const { pages, perPage, placeBytes } = this.#shelfFor(length);
    const page = pages[Math.floor(place / perPage)];
    if (!page) throw new RangeError(`there is no id of ${String(length)} bytes at ${String(place)}`);
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
