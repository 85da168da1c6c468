import type { Clock, Timer } from "../../../lib/clock.js";

/** A connection, to be looked at once a second. */
interface Watched {
  /** Looks at the time. */
  tick(): void;
  /** So much time was lost here, in milliseconds. */
  forgive(lostMs: number): void;
}

/** Each is looked at this often. */
const ROUND_MS = 1_000;
/** All at once would hold up deliveries for as long as it takes to write thousands of pings. */
const GROUPS = 20;
const STEP_MS = ROUND_MS / GROUPS;
/** What comes so late says that this process was frozen, or busy. */
const LATE_MS = 1_000;

/**
 * The connections that are open, or closing. Each is looked at once a second, a twentieth of them at a time. When this process
 * stood still, what clients sent meanwhile waits in their sockets: the time is forgiven, and they are judged again a second
 * later, when that was read.
 */
export class ConnectionSet<Connection extends Watched> {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #groups = Array.from({ length: GROUPS }, () => new Set<Connection>());
  #nextToFill = 0;
  #nextToTick = 0;
  #dueAtMs: number;
  #hasForgiven = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#dueAtMs = clock.monotonicMs() + STEP_MS;
    this.#timer = clock.every(STEP_MS, () => { this.#tick(); });
  }

  get size(): number {
    return this.#groups.reduce((sum, group) => sum + group.size, 0);
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const group of this.#groups) yield* group;
  }

  add(connection: Connection): void {
    this.#groups[this.#nextToFill]?.add(connection);
    this.#nextToFill = (this.#nextToFill + 1) % GROUPS;
  }

  delete(connection: Connection): void {
    this.#groups.some((group) => group.delete(connection));
  }

  /** Looks at nobody any more. Idempotent. */
  stop(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#dueAtMs;
    // The rest after what was forgiven. A timer may come a little early.
    if (lateMs < -STEP_MS / 2) return;
    if (lateMs > LATE_MS && !this.#hasForgiven) {
      this.#hasForgiven = true;
      this.#dueAtMs = nowMs + ROUND_MS;
      for (const connection of this) connection.forgive(lateMs);
      return;
    }
    this.#hasForgiven = false;
    this.#dueAtMs = nowMs + STEP_MS;
    // As many as time has passed for: a round takes a second on a busy process, too.
    const groups = Math.min(GROUPS, 1 + Math.max(0, Math.round(lateMs / STEP_MS)));
    for (let ticked = 0; ticked < groups; ticked++) {
      for (const connection of this.#groups[this.#nextToTick] ?? []) connection.tick();
      this.#nextToTick = (this.#nextToTick + 1) % GROUPS;
    }
  }
}
