import { type SessionChange, Transport } from "../../../gen/halley/v1/heartbeat.js";

/** Sessions' opening times; what it is does not matter, so one for all. */
const SINCE_MS = 1_700_000_000_000;
const ID_BYTES = 16;
/** An odd number: multiplying by it modulo 2^32 gives every number once, spread like random ones. */
const SPREAD = 0x9e3779b1;

/**
 * The sessions of one simulated connector: a number of seats, each always taken by one session of one user. A change of a
 * seat ends its session and its user goes; another user comes with a new one. Seats change in turn, so nothing is kept but
 * where the turn stands, and any list of changes or all sessions is made when it is wanted.
 */
export class SimulatedSessions {
  readonly #connector: number;
  readonly #seats: number;
  #turns = 0;

  constructor(connector: number, seats: number) {
    this.#connector = connector;
    this.#seats = seats;
  }

  /** How many sessions there are, always. */
  get size(): number {
    return this.#seats;
  }

  /** How many seats have changed since the beginning. */
  get turns(): number {
    return this.#turns;
  }

  /** How often a seat has changed. */
  generationOf(seat: number): number {
    return Math.floor(this.#turns / this.#seats) + (seat < this.#turns % this.#seats ? 1 : 0);
  }

  /** Who sits on a seat. Two users take turns on each. */
  userOf(seat: number, generation = this.generationOf(seat)): string {
    return `user-${String(this.#connector * this.#seats + seat)}${generation % 2 === 0 ? "" : "b"}`;
  }

  /** Changes the seat whose turn it is: one session ends, and after it another begins. */
  change(): [SessionChange, SessionChange] {
    const seat = this.#turns % this.#seats;
    const session = this.#sessionOf(seat, this.generationOf(seat));
    this.#turns += 1;
    return [{ session, change: { $case: "closed", value: { graceMs: 250, over: false } } }, this.#opened(seat)];
  }

  /** All sessions, in pieces. */
  *pieces(sessionsPerPiece: number): Generator<SessionChange[]> {
    for (let from = 0; from < this.#seats; from += sessionsPerPiece) {
      yield Array.from({ length: Math.min(sessionsPerPiece, this.#seats - from) }, (_, index) => this.#opened(from + index));
    }
  }

  #opened(seat: number): SessionChange {
    const value = { user: this.userOf(seat), transport: Transport.TRANSPORT_WEBSOCKET, sinceMs: SINCE_MS, channels: [] };
    return { session: this.#sessionOf(seat, this.generationOf(seat)), change: { $case: "opened", value } };
  }

  /** 16 bytes that no other session has, and that look like random ones. */
  #sessionOf(seat: number, generation: number): Buffer {
    const id = Buffer.allocUnsafe(ID_BYTES);
    id.writeUInt32LE(Math.imul(seat + 1, SPREAD) >>> 0, 0);
    id.writeUInt32LE(Math.imul(this.#connector + 1, SPREAD) >>> 0, 4);
    id.writeUInt32LE(Math.imul(generation + 1, SPREAD) >>> 0, 8);
    id.writeUInt32LE(Math.imul(seat ^ 0x5bd1e995, SPREAD) >>> 0, 12);
    return id;
  }
}
