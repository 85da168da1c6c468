import { Column } from "./column.js";
import { HashIndex, NO_ROW } from "./hashIndex.js";

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

const FREE = 0xffff;

/** The bytes of an id as four unsigned numbers. */
interface IdWords {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/**
 * The claims of connectors on sessions, a row of columns each: 51 bytes, no object per session. Rows keep their number until they
 * are removed and are used again after. A session is the rows with the same id and user.
 */
export class ClaimTable {
  readonly #idA = new Column(Uint32Array);
  readonly #idB = new Column(Uint32Array);
  readonly #idC = new Column(Uint32Array);
  readonly #idD = new Column(Uint32Array);
  readonly #users = new Column(Uint32Array);
  readonly #connectors = new Column(Uint16Array);
  readonly #transports = new Column(Uint8Array);
  readonly #sinceMs = new Column(Float64Array);
  /** The rows of one user as a list, row + 1 each, 0 at its ends; `#next` links free rows too. */
  readonly #next = new Column(Uint32Array);
  readonly #previous = new Column(Uint32Array);
  readonly #firstOfUser = new Column(Uint32Array);
  readonly #index = new HashIndex((row) => this.#hashOf(row));
  #free = 0;
  #rows = 0;
  #size = 0;

  /** How many claims there are. */
  get size(): number {
    return this.#size;
  }

  userOf(row: number): number {
    return this.#users.get(row);
  }

  connectorOf(row: number): number {
    return this.#connectors.get(row);
  }

  transportOf(row: number): number {
    return this.#transports.get(row);
  }

  sinceMsOf(row: number): number {
    return this.#sinceMs.get(row);
  }

  setTransport(row: number, transport: number): void {
    this.#transports.set(row, transport);
  }

  setSinceMs(row: number, sinceMs: number): void {
    this.#sinceMs.set(row, sinceMs);
  }

  /** The row of a connector's claim on a session, or NO_ROW. */
  find(id: Uint8Array, connector: number): number {
    const words = wordsOf(id);
    let row = this.#index.first(hashOf(words));
    while (row !== NO_ROW && !(this.#connectors.get(row) === connector && this.#holds(row, words))) row = this.#index.next(row);
    return row;
  }

  /** All rows of the session that a row belongs to, itself among them. */
  rowsOfSession(row: number): number[] {
    const words = this.#wordsAt(row);
    const user = this.#users.get(row);
    const rows: number[] = [];
    for (let one = this.#index.first(hashOf(words)); one !== NO_ROW; one = this.#index.next(one)) {
      if (this.#users.get(one) === user && this.#holds(one, words)) rows.push(one);
    }
    return rows;
  }

  /** The rows of a connector. Looks at every row of the table. */
  rowsOfConnector(connector: number): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#rows; row++) if (this.#connectors.get(row) === connector) rows.push(row);
    return rows;
  }

  /** The rows of a user, newest first. */
  *rowsOfUser(user: number): Generator<number> {
    for (let row = this.#firstOfUser.get(user); row !== 0; row = this.#next.get(row - 1)) yield row - 1;
  }

  /** Adds a claim and gives its row. The connector must have none on that session. */
  add({ id, connector, user, transport, sinceMs }: NewClaim): number {
    const row = this.#takeRow();
    const { a, b, c, d } = wordsOf(id);
    this.#idA.set(row, a);
    this.#idB.set(row, b);
    this.#idC.set(row, c);
    this.#idD.set(row, d);
    this.#users.set(row, user);
    this.#connectors.set(row, connector);
    this.#transports.set(row, transport);
    this.#sinceMs.set(row, sinceMs);
    this.#link(row, user);
    this.#index.add(row);
    this.#size += 1;
    return row;
  }

  /** Removes a row. */
  remove(row: number): void {
    this.#unlink(row);
    this.#index.delete(row);
    this.#connectors.set(row, FREE);
    this.#next.set(row, this.#free);
    this.#free = row + 1;
    this.#size -= 1;
  }

  #takeRow(): number {
    const reused = this.#free;
    if (reused === 0) {
      this.#rows += 1;
      return this.#rows - 1;
    }
    this.#free = this.#next.get(reused - 1);
    return reused - 1;
  }

  #link(row: number, user: number): void {
    const first = this.#firstOfUser.get(user);
    this.#next.set(row, first);
    this.#previous.set(row, 0);
    if (first !== 0) this.#previous.set(first - 1, row + 1);
    this.#firstOfUser.set(user, row + 1);
  }

  #unlink(row: number): void {
    const next = this.#next.get(row);
    const previous = this.#previous.get(row);
    if (next !== 0) this.#previous.set(next - 1, previous);
    if (previous !== 0) this.#next.set(previous - 1, next);
    else this.#firstOfUser.set(this.userOf(row), next);
  }

  #wordsAt(row: number): IdWords {
    return { a: this.#idA.get(row), b: this.#idB.get(row), c: this.#idC.get(row), d: this.#idD.get(row) };
  }

  #holds(row: number, { a, b, c, d }: IdWords): boolean {
    return this.#idA.get(row) === a && this.#idB.get(row) === b && this.#idC.get(row) === c && this.#idD.get(row) === d;
  }

  #hashOf(row: number): number {
    return hashOf(this.#wordsAt(row));
  }
}

function wordsOf(id: Uint8Array): IdWords {
  return { a: wordAt(id, 0), b: wordAt(id, 4), c: wordAt(id, 8), d: wordAt(id, 12) };
}

/** Four bytes of an id as an unsigned number. */
function wordAt(id: Uint8Array, at: number): number {
  return ((id[at] ?? 0) | ((id[at + 1] ?? 0) << 8) | ((id[at + 2] ?? 0) << 16) | ((id[at + 3] ?? 0) << 24)) >>> 0;
}

/** Murmur3's finalizer over the words. Ids are random bytes that connectors draw, so nobody picks collisions. */
function hashOf({ a, b, c, d }: IdWords): number {
  let mixed = a ^ b ^ c ^ d;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
