import { wordAt } from "./hashBytes.js";
import { HashIndex, NO_ROW } from "./hashIndex.js";
import { Records } from "./records.js";
import { RowLists } from "./rowLists.js";
import type { UserTable } from "./userTable.js";

/** What a claim says. */
export interface NewClaim {
  /** The session's 16 bytes. */
  readonly id: Uint8Array;
  /** A number below 65,536. */
  readonly connector: number;
  /** The row of the user. */
  readonly user: number;
  /** The number of the wire's `Transport`. */
  readonly transport: number;
  /** Whole milliseconds since 1970. */
  readonly sinceMs: number;
}

/** The fields of a claim's row. */
const field = {
  idA: 0,
  idB: 1,
  idC: 2,
  idD: 3,
  hash: 4,
  nextInIndex: 5,
  user: 6,
  /** The connector in the lower half, the transport in the upper. */
  connectorAndTransport: 7,
  /** Takes two. */
  sinceMs: 8,
  /** Links free rows too. */
  nextOfUser: 10,
  previousOfUser: 11,
  nextOfConnector: 12,
  previousOfConnector: 13,
} as const;
const FIELDS = 14;

/** The bytes of an id as four unsigned numbers. */
interface IdWords {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/**
 * The claims of connectors on sessions: 60 bytes each, no object. Rows keep their number until they are removed and are used
 * again after. A session is the rows with the same id and user.
 */
export class ClaimTable {
  readonly #rows = new Records(FIELDS);
  readonly #index = new HashIndex(this.#rows, { hash: field.hash, next: field.nextInIndex });
  readonly #firstOfConnector = new Records(1);
  readonly #ofUsers: RowLists;
  readonly #ofConnectors: RowLists;
  #free = 0;
  #used = 0;
  #size = 0;

  /** `users`: the table that claims name rows of. */
  constructor(users: UserTable) {
    const ofUser = { next: field.nextOfUser, previous: field.previousOfUser };
    this.#ofUsers = new RowLists(this.#rows, ofUser, { get: (user) => users.firstClaimOf(user), set: (user, first) => { users.setFirstClaim(user, first); } });
    const ofConnector = { next: field.nextOfConnector, previous: field.previousOfConnector };
    const firsts = this.#firstOfConnector;
    this.#ofConnectors = new RowLists(this.#rows, ofConnector, { get: (connector) => firsts.get(connector, 0), set: (connector, first) => { firsts.set(connector, 0, first); } });
  }

  /** How many claims there are. */
  get size(): number {
    return this.#size;
  }

  userOf(row: number): number {
    return this.#rows.get(row, field.user);
  }

  connectorOf(row: number): number {
    return this.#rows.get(row, field.connectorAndTransport) & 0xffff;
  }

  transportOf(row: number): number {
    return this.#rows.get(row, field.connectorAndTransport) >>> 16;
  }

  sinceMsOf(row: number): number {
    return this.#rows.getWide(row, field.sinceMs);
  }

  setTransport(row: number, transport: number): void {
    this.#rows.set(row, field.connectorAndTransport, this.connectorOf(row) | (transport << 16));
  }

  setSinceMs(row: number, sinceMs: number): void {
    this.#rows.setWide(row, field.sinceMs, sinceMs);
  }

  /** The row of a connector's claim on a session, or NO_ROW. */
  find(id: Uint8Array, connector: number): number {
    const words = wordsOf(id);
    let row = this.#index.first(hashOf(words));
    while (row !== NO_ROW && !(this.connectorOf(row) === connector && this.#holds(row, words))) row = this.#index.next(row);
    return row;
  }

  /** All rows of the session that a row belongs to, itself among them. */
  rowsOfSession(row: number): number[] {
    const words = this.#wordsAt(row);
    const user = this.userOf(row);
    const rows: number[] = [];
    for (let one = this.#index.first(hashOf(words)); one !== NO_ROW; one = this.#index.next(one)) {
      if (this.userOf(one) === user && this.#holds(one, words)) rows.push(one);
    }
    return rows;
  }

  /** The rows of a connector, oldest first. */
  rowsOfConnector(connector: number): number[] {
    return [...this.#ofConnectors.of(connector)].reverse();
  }

  /** The rows of a user. No claim may begin or end meanwhile. */
  rowsOfUser(user: number): Iterable<number> {
    return this.#ofUsers.of(user);
  }

  /** Adds a claim and gives its row. The connector must have none on that session. */
  add({ id, connector, user, transport, sinceMs }: NewClaim): number {
    const row = this.#takeRow();
    const words = wordsOf(id);
    this.#rows.set(row, field.idA, words.a);
    this.#rows.set(row, field.idB, words.b);
    this.#rows.set(row, field.idC, words.c);
    this.#rows.set(row, field.idD, words.d);
    this.#rows.set(row, field.user, user);
    this.#rows.set(row, field.connectorAndTransport, connector | (transport << 16));
    this.setSinceMs(row, sinceMs);
    this.#ofUsers.add(user, row);
    this.#ofConnectors.add(connector, row);
    this.#index.add(row, hashOf(words));
    this.#size += 1;
    return row;
  }

  /** Removes a row. */
  remove(row: number): void {
    this.#ofUsers.delete(this.userOf(row), row);
    this.#ofConnectors.delete(this.connectorOf(row), row);
    this.#index.delete(row);
    this.#rows.set(row, field.nextOfUser, this.#free);
    this.#free = row + 1;
    this.#size -= 1;
  }

  #takeRow(): number {
    const reused = this.#free;
    if (reused === 0) {
      this.#used += 1;
      return this.#used - 1;
    }
    this.#free = this.#rows.get(reused - 1, field.nextOfUser);
    return reused - 1;
  }

  #wordsAt(row: number): IdWords {
    const rows = this.#rows;
    return { a: rows.get(row, field.idA), b: rows.get(row, field.idB), c: rows.get(row, field.idC), d: rows.get(row, field.idD) };
  }

  #holds(row: number, { a, b, c, d }: IdWords): boolean {
    const rows = this.#rows;
    return rows.get(row, field.idA) === a && rows.get(row, field.idB) === b && rows.get(row, field.idC) === c && rows.get(row, field.idD) === d;
  }
}

function wordsOf(id: Uint8Array): IdWords {
  return { a: unsignedWord(id, 0), b: unsignedWord(id, 4), c: unsignedWord(id, 8), d: unsignedWord(id, 12) };
}

function unsignedWord(id: Uint8Array, at: number): number {
  return wordAt(id, at) >>> 0;
}

/** Murmur3's finalizer over the words. Ids are random bytes that connectors draw, so nobody picks collisions. */
function hashOf({ a, b, c, d }: IdWords): number {
  let mixed = a ^ b ^ c ^ d;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
