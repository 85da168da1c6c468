import { nextCapacity, widened } from "./column.js";

/** In place of a row where there is none. */
export const NO_ROW = -1;

/** What a claim says. */
export interface NewClaim {
  /** The session's 16 bytes. */
  readonly id: Uint8Array;
  /** A number below 65,535. */
  readonly connector: number;
  /** The row of the user. */
  readonly user: number;
  /** The number of the wire's `Transport`. */
  readonly transport: number;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

const WORDS = 4;
const FREE = 0xffff;
/** The index is kept at most this full. */
const MAX_LOAD = 0.7;

/**
 * The claims of connectors on sessions, a row of typed arrays each: 39 bytes and 6 to 12 of index, no object per session.
 * Rows keep their number until they are removed and are used again after. A session is the rows with the same id and user.
 */
export class ClaimTable {
  #ids = new Uint32Array(0);
  #users = new Uint32Array(0);
  #connectors = new Uint16Array(0);
  #transports = new Uint8Array(0);
  #sinceMs = new Float64Array(0);
  /** The rows of one user as a ring-less list; `#next` links free rows too. */
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  #firstOfUser = new Int32Array(0);
  /** Open addressing by id, with linear probing: row + 1, 0 where empty. */
  #index = new Uint32Array(64);
  #free = NO_ROW;
  #rows = 0;
  #size = 0;

  /** How many claims there are. */
  get size(): number {
    return this.#size;
  }

  userOf(row: number): number {
    return this.#users[row] ?? 0;
  }

  connectorOf(row: number): number {
    return this.#connectors[row] ?? FREE;
  }

  transportOf(row: number): number {
    return this.#transports[row] ?? 0;
  }

  sinceMsOf(row: number): number {
    return this.#sinceMs[row] ?? 0;
  }

  setTransport(row: number, transport: number): void {
    this.#transports[row] = transport;
  }

  setSinceMs(row: number, sinceMs: number): void {
    this.#sinceMs[row] = sinceMs;
  }

  /** The row of a connector's claim on a session, or NO_ROW. */
  find(id: Uint8Array, connector: number): number {
    const words = wordsOf(id);
    for (let slot = this.#slotOf(words); ; slot = this.#after(slot)) {
      const row = (this.#index[slot] ?? 0) - 1;
      if (row === NO_ROW) return NO_ROW;
      if (this.#connectors[row] === connector && this.#holds(row, words)) return row;
    }
  }

  /** All rows of the session that a row belongs to, itself among them. */
  rowsOfSession(row: number): number[] {
    const words = this.#wordsAt(row);
    const rows: number[] = [];
    for (let slot = this.#slotOf(words); ; slot = this.#after(slot)) {
      const found = (this.#index[slot] ?? 0) - 1;
      if (found === NO_ROW) return rows;
      if (this.#users[found] === this.#users[row] && this.#holds(found, words)) rows.push(found);
    }
  }

  /** The rows of a connector. Looks at every row of the table: 10 ms for 10 million. */
  rowsOfConnector(connector: number): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#rows; row++) if (this.#connectors[row] === connector) rows.push(row);
    return rows;
  }

  /** The rows of a user, newest first. */
  *rowsOfUser(user: number): Generator<number> {
    for (let row = this.#firstOfUser[user] ?? NO_ROW; row !== NO_ROW; row = this.#next[row] ?? NO_ROW) yield row;
  }

  /** Adds a claim and gives its row. The connector must have none on that session. */
  add({ id, connector, user, transport, sinceMs }: NewClaim): number {
    const row = this.#takeRow();
    const words = wordsOf(id);
    this.#ids.set(words, row * WORDS);
    this.#users[row] = user;
    this.#connectors[row] = connector;
    this.#transports[row] = transport;
    this.#sinceMs[row] = sinceMs;
    this.#link(row, user);
    this.#size += 1;
    if (this.#size > this.#index.length * MAX_LOAD) this.#reindex(this.#index.length * 2);
    else this.#enter(row);
    return row;
  }

  /** Removes a row. */
  remove(row: number): void {
    this.#unlink(row);
    this.#forget(row);
    this.#connectors[row] = FREE;
    this.#next[row] = this.#free;
    this.#free = row;
    this.#size -= 1;
  }

  #takeRow(): number {
    const reused = this.#free;
    if (reused !== NO_ROW) {
      this.#free = this.#next[reused] ?? NO_ROW;
      return reused;
    }
    if (this.#rows === this.#users.length) this.#widen(nextCapacity(this.#rows));
    this.#rows += 1;
    return this.#rows - 1;
  }

  #widen(capacity: number): void {
    this.#ids = widened(this.#ids, capacity * WORDS);
    this.#users = widened(this.#users, capacity);
    this.#connectors = widened(this.#connectors, capacity);
    this.#transports = widened(this.#transports, capacity);
    this.#sinceMs = widened(this.#sinceMs, capacity);
    this.#next = widened(this.#next, capacity);
    this.#previous = widened(this.#previous, capacity);
  }

  #link(row: number, user: number): void {
    const users = this.#firstOfUser.length;
    if (user >= users) {
      this.#firstOfUser = widened(this.#firstOfUser, Math.max(nextCapacity(users), user + 1));
      this.#firstOfUser.fill(NO_ROW, users);
    }
    const first = this.#firstOfUser[user] ?? NO_ROW;
    this.#next[row] = first;
    this.#previous[row] = NO_ROW;
    if (first !== NO_ROW) this.#previous[first] = row;
    this.#firstOfUser[user] = row;
  }

  #unlink(row: number): void {
    const next = this.#next[row] ?? NO_ROW;
    const previous = this.#previous[row] ?? NO_ROW;
    if (next !== NO_ROW) this.#previous[next] = previous;
    if (previous !== NO_ROW) this.#next[previous] = next;
    else this.#firstOfUser[this.userOf(row)] = next;
  }

  #wordsAt(row: number): Uint32Array {
    return this.#ids.subarray(row * WORDS, row * WORDS + WORDS);
  }

  #holds(row: number, words: Uint32Array): boolean {
    const at = row * WORDS;
    const ids = this.#ids;
    return ids[at] === words[0] && ids[at + 1] === words[1] && ids[at + 2] === words[2] && ids[at + 3] === words[3];
  }

  #slotOf(words: Uint32Array): number {
    return hashOf(words) & (this.#index.length - 1);
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#index.length - 1);
  }

  #enter(row: number): void {
    let slot = this.#slotOf(this.#wordsAt(row));
    while (this.#index[slot] !== 0) slot = this.#after(slot);
    this.#index[slot] = row + 1;
  }

  #reindex(length: number): void {
    this.#index = new Uint32Array(length);
    for (let row = 0; row < this.#rows; row++) if (this.#connectors[row] !== FREE) this.#enter(row);
  }

  /** Takes a row out of the index and closes the gap, so that probing needs no tombstones. */
  #forget(row: number): void {
    let gap = this.#slotOf(this.#wordsAt(row));
    while (this.#index[gap] !== row + 1) gap = this.#after(gap);
    for (let slot = this.#after(gap); this.#index[slot] !== 0; slot = this.#after(slot)) {
      const home = this.#slotOf(this.#wordsAt((this.#index[slot] ?? 0) - 1));
      const mask = this.#index.length - 1;
      // An entry may move into the gap unless its home lies between the gap and itself.
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        this.#index[gap] = this.#index[slot] ?? 0;
        gap = slot;
      }
    }
    this.#index[gap] = 0;
  }
}

function wordsOf(id: Uint8Array): Uint32Array {
  const words = new Uint32Array(WORDS);
  new Uint8Array(words.buffer).set(id);
  return words;
}

/** Murmur3's finalizer over the words. Ids are random bytes that connectors draw, so nobody picks collisions. */
function hashOf(words: Uint32Array): number {
  let mixed = (words[0] ?? 0) ^ (words[1] ?? 0) ^ (words[2] ?? 0) ^ (words[3] ?? 0);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
