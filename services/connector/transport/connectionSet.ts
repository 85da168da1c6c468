import type { Clock, Timer } from "../../../lib/clock.js";
import { Faults } from "../../../lib/faults.js";
import type { Log } from "../../../lib/log.js";

/** A connection, to be looked at from time to time. */
export interface Watched {
  /** Looks at the time: does what is due. Gives how many milliseconds from now something may be due again; Infinity: nothing ever. */
  look(): number;
  /** So much time was lost here, in milliseconds. */
  forgive(lostMs: number): void;
  /** `look` threw. Never throws. */
  onFault(): void;
  /** The set's own: where the connection stands in it. */
  slot: number;
}

/** A slot for each step of time: what is due within a step is looked at together, and pings of many are spread. */
const STEP_MS = 50;
/** Nobody is left alone for longer than these are ahead. */
const SLOTS = 600;
/** Who is to be looked at soon is, within this time. */
const SOON_MS = 1_000;
/** What comes so late says that this process was frozen, or busy. */
const LATE_MS = 1_000;
const REST_MS = 1_000;

const NOWHERE = -1;
/** It is being looked at. */
const LOOKED_AT = -2;

/**
 * The connections that are open, or closing. Each is looked at when something may be due, and not before: with thousands of them,
 * which lie all over memory, one look each a second would cost as much as all that idle connections do otherwise.
 *
 * When this process stood still, what clients sent meanwhile waits in their sockets: the time is forgiven, and they are judged again
 * a second later, when that was read.
 */
export class ConnectionSet<Connection extends Watched> {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: Timer;
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Connection>());
  /** The slot that is due next, and when. */
  #next = 0;
  #dueAtMs: number;
  #size = 0;
  #hasForgiven = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#dueAtMs = clock.monotonicMs() + STEP_MS;
    this.#timer = clock.every(STEP_MS, () => { this.#tick(); });
  }

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const slot of this.#slots) yield* slot;
  }

  /** Takes one in, to be looked at soon. */
  add(connection: Connection): void {
    this.#size += 1;
    this.#place(connection, SOON_MS);
  }

  delete(connection: Connection): void {
    if (connection.slot === NOWHERE) return;
    this.#slots[connection.slot]?.delete(connection);
    connection.slot = NOWHERE;
    this.#size -= 1;
  }

  /** Something of the connection has changed: it is looked at within a second. */
  soon(connection: Connection): void {
    const { slot } = connection;
    // Who is being looked at says for itself when it wants to be again.
    if (slot < 0 || (slot - this.#next + SLOTS) % SLOTS < SOON_MS / STEP_MS) return;
    this.#slots[slot]?.delete(connection);
    this.#place(connection, SOON_MS);
  }

  /** Looks at nobody any more. Idempotent. */
  stop(): void {
    this.#timer.cancel();
  }

  #place(connection: Connection, delayMs: number): void {
    const steps = Math.min(SLOTS - 1, Math.max(1, Math.ceil(delayMs / STEP_MS)));
    connection.slot = (this.#next + steps - 1) % SLOTS;
    this.#slots[connection.slot]?.add(connection);
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#dueAtMs;
    // The rest after what was forgiven. A timer may come a little early.
    if (lateMs < -STEP_MS / 2) return;
    if (lateMs > LATE_MS && !this.#hasForgiven) {
      this.#hasForgiven = true;
      this.#dueAtMs = nowMs + REST_MS;
      for (const connection of this) connection.forgive(lateMs);
      return;
    }
    this.#hasForgiven = false;
    // As many as time has passed for, and what is left of a step counts for the next: where every timer comes late, looks would
    // fall behind by that each time.
    const due = 1 + Math.max(0, Math.floor(lateMs / STEP_MS));
    this.#dueAtMs += due * STEP_MS;
    for (let looked = 0; looked < Math.min(due, SLOTS); looked++) this.#lookAtNext();
  }

  #lookAtNext(): void {
    const at = this.#next;
    const slot = this.#slots[at];
    if (slot === undefined) return;
    this.#next = (at + 1) % SLOTS;
    let faults: Faults | undefined;
    for (const connection of slot) {
      slot.delete(connection);
      connection.slot = LOOKED_AT;
      let delayMs = SOON_MS;
      try {
        delayMs = connection.look();
      } catch (error) {
        (faults ??= new Faults()).add(error);
        connection.onFault();
      }
      if (this.#isHere(connection)) this.#place(connection, delayMs);
    }
    faults?.tell(this.#log, "connections could not be looked at, and were closed with 3005");
  }

  /** As a call, because a look may have ended it. */
  #isHere({ slot }: Connection): boolean {
    return slot === LOOKED_AT;
  }
}
