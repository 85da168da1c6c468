import { makeHashKey, hashBytes } from "./hashBytes.js";
import { HashIndex, NO_ROW } from "./hashIndex.js";
import { IdBytes, type IdPlace } from "./idBytes.js";
import { Records } from "./records.js";
import { SortedRows } from "./sortedRows.js";

/** The longest id that is taken, in bytes: more than a user id may have. */
const MAX_BYTES = 255;

/** The fields of a user's row. */
const field = {
  hash: 0,
  nextInIndex: 1,
  idPlace: 2,
  idLength: 3,
  /** Of free rows: the next free row + 1. */
  sessions: 4,
  /** The row of a claim + 1; 0: none. */
  firstClaim: 5,
  /** Takes two. */
  sinceMs: 6,
} as const;
const FIELDS = 8;

/**
 * The users that are online: a row each, in the order of their ids too. A row's number may be used again after its user went.
 * About 44 bytes a user beside the id, none of them objects.
 */
export class UserTable {
  readonly #key = makeHashKey();
  readonly #ids = new IdBytes();
  readonly #rows = new Records(FIELDS);
  readonly #index = new HashIndex(this.#rows, { hash: field.hash, next: field.nextInIndex });
  readonly #byId = {
    compare: (row: number, other: number): number => this.#ids.compare(this.#idPlaceOf(row), this.#idPlaceOf(other)),
    compareTo: (row: number, id: Uint8Array, length: number): number => this.#ids.compareTo(this.#idPlaceOf(row), id, length),
  };
  readonly #order = new SortedRows(this.#byId);
  /** The id that is looked for. */
  readonly #sought = Buffer.alloc(MAX_BYTES);
  #used = 0;
  #free = NO_ROW;
  #size = 0;

  /** How many users are online. */
  get size(): number {
    return this.#size;
  }

  /** The row of a user, or undefined while offline. */
  find(id: string): number | undefined {
    const length = this.#seek(id);
    const row = length === 0 ? NO_ROW : this.#findSought(length, hashBytes(this.#sought, 0, length, this.#key));
    return row === NO_ROW ? undefined : row;
  }

  /**
   * The rows of many users. Each look at a row among millions waits for memory: the CPU waits for many at once where they don't
   * depend on each other, so all chains are begun before the first id is compared.
   */
  findAll(ids: readonly string[]): (number | undefined)[] {
    const hashes = ids.map((id) => hashBytes(this.#sought, 0, this.#seek(id), this.#key));
    const firsts = hashes.map((hash) => this.#index.first(hash));
    const places = firsts.map((row) => (row === NO_ROW ? undefined : this.#idPlaceOf(row)));
    return ids.map((id, at) => {
      const [first = NO_ROW, place] = [firsts[at], places[at]];
      if (first === NO_ROW || !place) return undefined;
      const length = this.#seek(id);
      return place.length === length && this.#ids.compareTo(place, this.#sought, length) === 0 ? first : this.find(id);
    });
  }

  /** The row of a user; makes one, without a session, for a user who is not here. Ids have 1 to 255 bytes. */
  ensure(id: string): number {
    const length = this.#seek(id);
    if (length === 0) throw new RangeError("a user id has 1 to 255 bytes");
    const hash = hashBytes(this.#sought, 0, length, this.#key);
    const found = this.#findSought(length, hash);
    if (found !== NO_ROW) return found;
    const row = this.#takeRow();
    this.#rows.set(row, field.idPlace, this.#ids.put(this.#sought, length));
    this.#rows.set(row, field.idLength, length);
    this.#rows.set(row, field.sessions, 0);
    this.#rows.set(row, field.firstClaim, 0);
    this.#index.add(row, hash);
    this.#order.add(row);
    this.#size += 1;
    return row;
  }

  idOf(row: number): string {
    return this.#ids.text(this.#idPlaceOf(row));
  }

  sessionsOf(row: number): number {
    return this.#rows.get(row, field.sessions);
  }

  /** Adds `by` (1 or -1) to the user's sessions and gives their new number. */
  addSessions(row: number, by: number): number {
    const sessions = this.#rows.get(row, field.sessions) + by;
    this.#rows.set(row, field.sessions, sessions);
    return sessions;
  }

  /** Milliseconds since 1970, as it was set. */
  sinceMsOf(row: number): number {
    return this.#rows.getWide(row, field.sinceMs);
  }

  /** Whole milliseconds since 1970. */
  setSinceMs(row: number, sinceMs: number): void {
    this.#rows.setWide(row, field.sinceMs, sinceMs);
  }

  /** The row + 1 of the first in the list of the user's claims; 0: none. */
  firstClaimOf(row: number): number {
    return this.#rows.get(row, field.firstClaim);
  }

  setFirstClaim(row: number, first: number): void {
    this.#rows.set(row, field.firstClaim, first);
  }

  /** Frees the row. */
  remove(row: number): void {
    this.#index.delete(row);
    this.#order.delete(row);
    this.#ids.delete(this.#idPlaceOf(row));
    this.#rows.set(row, field.sessions, this.#free + 1);
    this.#free = row;
    this.#size -= 1;
  }

  /** The rows of the first `limit` users behind `id`, by the UTF-8 bytes of their ids. */
  after(id: string | undefined, limit: number): number[] {
    return this.#order.after(id, limit);
  }

  /** No users, to be filled with rows of this table, in the same order. */
  emptyOrder(): SortedRows {
    return new SortedRows(this.#byId);
  }

  #idPlaceOf(row: number): IdPlace {
    return { place: this.#rows.get(row, field.idPlace), length: this.#rows.get(row, field.idLength) };
  }

  /** Puts the bytes of an id where they are looked for; gives how many, 0 where nobody can have it. */
  #seek(id: string): number {
    const sought = this.#sought;
    const { length } = id;
    if (length > MAX_BYTES) return 0;
    for (let at = 0; at < length; at++) {
      const unit = id.charCodeAt(at);
      if (unit > 0x7f) return Buffer.byteLength(id) > MAX_BYTES ? 0 : sought.write(id);
      sought[at] = unit;
    }
    return length;
  }

  #findSought(length: number, hash: number): number {
    let row = this.#index.first(hash);
    while (row !== NO_ROW && this.#ids.compareTo(this.#idPlaceOf(row), this.#sought, length) !== 0) row = this.#index.next(row);
    return row;
  }

  #takeRow(): number {
    if (this.#free === NO_ROW) {
      this.#used += 1;
      return this.#used - 1;
    }
    const row = this.#free;
    this.#free = this.#rows.get(row, field.sessions) - 1;
    return row;
  }
}
