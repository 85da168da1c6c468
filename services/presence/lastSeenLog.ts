import type { LastSeen } from "../../lib/bus/lastSeen.js";
import { type Clock, sleep, type Timer } from "../../lib/clock.js";
import { Fifo } from "../../lib/fifo.js";
import type { Running } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import type { RosterEvent } from "./roster/netEvents.js";

/** What the log works with. */
export interface LastSeenLogOptions {
  readonly store: Pick<LastSeen, "read" | "write">;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this replica is the one that writes; `away` while it can't tell, because NATS is. */
  readonly role: () => Role;
}

/** What a replica is to the others. */
export type Role = "leader" | "follower" | "away";

/** A time that the leader should have written by now: long enough for another replica to take over and write it. */
const KEPT_MS = 30_000;
/** Times that are remembered here; past this the oldest go, unwritten if so. */
export const MAX_REMEMBERED = 200_000;
/** Writes under way at a time. */
const MAX_WRITES = 1_000;
/** Writes begun at a time, and how often: 15,000 a second, in pieces that hold up no question. */
const WRITES_TOGETHER = 150;
const WRITE_EVERY_MS = 10;
/** What could not be written is tried again after this long, beside what is new, never instead of it. */
const RETRY_MS = 1_000;
const RETRIES_TOGETHER = WRITES_TOGETHER / 2;
/** Failures are told of this often. */
const WARN_EVERY_MS = 60_000;
const STOP_LIMIT_MS = 2_000;
const STOP_STEP_MS = 10;

interface Remembered {
  readonly user: string;
  readonly atMs: number;
  readonly noticedMs: number;
  /** This replica must write it: it led when it noticed, or after. */
  owed: boolean;
  stored: boolean;
}

/** A user whose time is to be tried again. */
interface Retry {
  readonly user: string;
  readonly dueMs: number;
}

/**
 * Remembers when users went offline and writes it to the bucket. Every replica remembers for 30 s, only the leader writes;
 * one that takes the lead writes what it remembers, so that nothing is missed when a leader dies, and one that loses it writes
 * what it owes. What is owed is kept until it is stored. Writing the same time twice does no harm; times of one user are written
 * one after another, so that none overtakes a newer one. While NATS is away the newest time of each user waits.
 */
export class LastSeenLog implements Running {
  readonly #options: LastSeenLogOptions;
  /** The newest time of each user. */
  readonly #remembered = new Map<string, Remembered>();
  /** All of them in the order of time, and those that newer ones of the same user have replaced. */
  readonly #order = new Fifo<Remembered>();
  /** What is owed and was not begun so far. */
  readonly #due = new Fifo<Remembered>();
  readonly #retries = new Fifo<Retry>();
  /** The users in `#retries`: once each. */
  readonly #retrying = new Set<string>();
  /** Users of whom a time is being written. */
  readonly #writing = new Set<string>();
  readonly #timer: Timer;
  #role: Role = "away";
  #dropped = 0;
  #failures = 0;
  #warnedMs = -Infinity;

  constructor(options: LastSeenLogOptions) {
    this.#options = options;
    this.#timer = options.clock.every(WRITE_EVERY_MS, () => { this.#step(); });
  }

  /** Times that were forgotten before they were written. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Tries to write a time that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Takes the events of a step. */
  note(events: readonly RosterEvent[], atMs: number): void {
    for (const { kind, user } of events) if (kind === "offline") this.#remember(user, atMs);
  }

  /** When each of the users was last online, from here and from the bucket. Throws NATS_UNAVAILABLE. */
  async read(userIds: readonly string[]): Promise<Map<string, number>> {
    const recent = new Map<string, number>();
    for (const user of userIds) {
      const remembered = this.#remembered.get(user);
      if (remembered) recent.set(user, remembered.atMs);
    }
    const stored = await this.#options.store.read(userIds.filter((user) => !recent.has(user)));
    return new Map([...stored, ...recent]);
  }

  /** Writes what it owes, as far as it can within 2 s, then no more. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    const { clock, log } = this.#options;
    const untilMs = clock.monotonicMs() + STOP_LIMIT_MS;
    for (;;) {
      this.#step(MAX_WRITES);
      if (this.#owes === 0 || this.#role === "away" || clock.monotonicMs() >= untilMs) break;
      await sleep(clock, STOP_STEP_MS);
    }
    if (this.#owes > 0) log.warn({ times: this.#owes }, "last-seen times were left unwritten");
  }

  /** At most so many times are owed. */
  get #owes(): number {
    return this.#due.length + this.#retries.length + this.#writing.size;
  }

  #remember(user: string, atMs: number): void {
    const remembered = { user, atMs, noticedMs: this.#options.clock.monotonicMs(), owed: false, stored: false };
    this.#remembered.set(user, remembered);
    this.#order.push(remembered);
    if (this.#options.role() === "leader") this.#owe(remembered);
    if (this.#order.length > MAX_REMEMBERED) this.#forgetOldest();
  }

  #owe(remembered: Remembered): void {
    if (remembered.owed || !this.#isNewest(remembered)) return;
    remembered.owed = true;
    this.#due.push(remembered);
  }

  #isNewest(remembered: Remembered): boolean {
    return this.#remembered.get(remembered.user) === remembered;
  }

  #forgetOldest(): void {
    const oldest = this.#order.shift();
    if (!oldest || !this.#isNewest(oldest)) return;
    this.#remembered.delete(oldest.user);
    if (oldest.owed && !oldest.stored) this.#dropped += 1;
  }

  /** Looks whether this replica leads now, forgets what is old, and begins writes. */
  #step(together = WRITES_TOGETHER): void {
    const role = this.#options.role();
    const leadsNow = role === "leader" && this.#role !== "leader";
    this.#role = role;
    if (role === "away") return;
    if (leadsNow) for (const remembered of this.#order) this.#owe(remembered);
    this.#forgetOld();
    this.#writeSome(Math.min(together, MAX_WRITES - this.#writing.size));
  }

  /** Keeps what it owes, however old. */
  #forgetOld(): void {
    const keptSinceMs = this.#options.clock.monotonicMs() - KEPT_MS;
    for (let oldest = this.#order.first; oldest && oldest.noticedMs < keptSinceMs; oldest = this.#order.first) {
      if (oldest.owed && !oldest.stored && this.#isNewest(oldest)) return;
      this.#forgetOldest();
    }
  }

  #writeSome(atOnce: number): void {
    let room = atOnce;
    const nowMs = this.#options.clock.monotonicMs();
    for (let retries = Math.min(room, RETRIES_TOGETHER); retries > 0 && (this.#retries.first?.dueMs ?? Infinity) <= nowMs; retries--) {
      const { user } = this.#retries.shift() ?? {};
      if (user === undefined) break;
      this.#retrying.delete(user);
      if (this.#write(this.#remembered.get(user))) room -= 1;
    }
    while (room > 0 && this.#due.length > 0) {
      if (this.#write(this.#due.shift())) room -= 1;
    }
  }

  /** Begins to write a time, if it is still worth it. */
  #write(remembered: Remembered | undefined): boolean {
    if (!remembered?.owed || remembered.stored || !this.#isNewest(remembered)) return false;
    const { user, atMs } = remembered;
    // Whoever is being written is looked at again afterwards.
    if (this.#writing.has(user)) return false;
    this.#writing.add(user);
    this.#options.store
      .write(user, atMs)
      .then(() => { remembered.stored = true; })
      .catch((error: unknown) => { this.#onFailure(error); })
      .finally(() => { this.#onWritten(remembered); });
    return true;
  }

  #onWritten({ user }: Remembered): void {
    this.#writing.delete(user);
    const newest = this.#remembered.get(user);
    if (!newest?.owed || newest.stored || this.#retrying.has(user)) return;
    this.#retrying.add(user);
    this.#retries.push({ user, dueMs: this.#options.clock.monotonicMs() + RETRY_MS });
  }

  #onFailure(error: unknown): void {
    const { clock, log } = this.#options;
    this.#failures += 1;
    if (clock.monotonicMs() - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = clock.monotonicMs();
    log.warn({ err: error, failures: this.#failures }, "last-seen times can't be written; they will be tried again");
  }
}
