import { Column } from "./column.js";
import { makeHashKey, hashBytes } from "./hashBytes.js";
import { HashIndex, NO_ROW } from "./hashIndex.js";
import { IdBytes } from "./idBytes.js";
import { SortedRows } from "./sortedRows.js";

/** The longest id that is taken, in bytes: more than a user id may have. */
const MAX_BYTES = 255;

/**
 * The users that are online: a row each, in the order of their ids too. A row's number may be used again after its user went.
 * About 25 bytes a user beside the id, none of them objects.
 */
export class UserTable {
  readonly #key = makeHashKey();
  readonly #ids = new IdBytes();
  /** Of free rows: the next free row + 1. */
  readonly #sessions = new Column(Uint32Array);
  readonly #index = new HashIndex((row) => this.#ids.hash(row, this.#key));
  readonly #order = new SortedRows(this.#ids);
  /** The id that is looked for. */
  readonly #sought = Buffer.alloc(MAX_BYTES);
  #rows = 0;
  #free = NO_ROW;
  #size = 0;

  /** How many users are online. */
  get size(): number {
    return this.#size;
  }

  /** The row of a user, or undefined while offline. */
  find(id: string): number | undefined {
    const length = this.#seek(id);
    const row = length === 0 ? NO_ROW : this.#findSought(length);
    return row === NO_ROW ? undefined : row;
  }

  /** The row of a user; makes one, without a session, for a user who is not here. Ids have 1 to 255 bytes. */
  ensure(id: string): number {
    const length = this.#seek(id);
    if (length === 0) throw new RangeError("a user id has 1 to 255 bytes");
    const found = this.#findSought(length);
    if (found !== NO_ROW) return found;
    const row = this.#takeRow();
    this.#ids.put(row, this.#sought, length);
    this.#sessions.set(row, 0);
    this.#index.add(row);
    this.#order.add(row);
    this.#size += 1;
    return row;
  }

  idOf(row: number): string {
    return this.#ids.text(row);
  }

  sessionsOf(row: number): number {
    return this.#sessions.get(row);
  }

  /** Adds `by` (1 or -1) to the user's sessions and gives their new number. */
  addSessions(row: number, by: number): number {
    const sessions = this.#sessions.get(row) + by;
    this.#sessions.set(row, sessions);
    return sessions;
  }

  /** Frees the row. */
  remove(row: number): void {
    this.#index.delete(row);
    this.#order.delete(row);
    this.#ids.delete(row);
    this.#sessions.set(row, this.#free + 1);
    this.#free = row;
    this.#size -= 1;
  }

  /** The rows of the first `limit` users behind `id`, by the UTF-8 bytes of their ids. */
  after(id: string | undefined, limit: number): number[] {
    return this.#order.after(id, limit);
  }

  /** No users, to be filled with rows of this table, in the same order. */
  emptyOrder(): SortedRows {
    return new SortedRows(this.#ids);
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

  #findSought(length: number): number {
    let row = this.#index.first(hashBytes(this.#sought, 0, length, this.#key));
    while (row !== NO_ROW && !this.#ids.is(row, this.#sought, length)) row = this.#index.next(row);
    return row;
  }

  #takeRow(): number {
    if (this.#free === NO_ROW) {
      this.#rows += 1;
      return this.#rows - 1;
    }
    const row = this.#free;
    this.#free = this.#sessions.get(row) - 1;
    return row;
  }
}
