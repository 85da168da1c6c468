import type { LastSeen } from "../../lib/bus/lastSeen.js";
import { type Clock, sleep } from "../../lib/clock.js";
import type { Running } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import type { RosterEvent } from "./roster/netEvents.js";

/** What the log works with. */
export interface LastSeenLogOptions {
  readonly store: LastSeen;
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
/** Spent places in the order of time are worth removing from here on. */
const SPENT_AT = 4_096;
const STOP_LIMIT_MS = 2_000;
const STOP_STEP_MS = 10;

interface Remembered {
  readonly user: string;
  readonly atMs: number;
  readonly noticedMs: number;
  /** Somebody has begun to write it here. */
  written: boolean;
}

/**
 * Remembers when users went offline and writes it to the bucket. Every replica remembers for 30 s, only the leader writes;
 * one that takes the lead writes what it remembers, so that nothing is missed when a leader dies. Writes set a time that is
 * the same whoever writes it, to within the moment a heartbeat takes, so writing twice does no harm. While NATS is away the
 * newest time of each user waits.
 */
export class LastSeenLog implements Running {
  readonly #options: LastSeenLogOptions;
  readonly #remembered = new Map<string, Remembered>();
  /**
   * The same in the order of time, and times that newer ones of the same user have replaced. A list with places, since the first
   * entry of a Map costs as much to find as there are deleted ones before it.
   */
  #order: Remembered[] = [];
  /** The oldest, and the first that nobody has begun to write here. */
  #oldest = 0;
  #unwritten = 0;
  /** Those that could not be written. */
  readonly #failed: Remembered[] = [];
  readonly #stopWriting: () => void;
  #writes = 0;
  #dropped = 0;

  constructor(options: LastSeenLogOptions) {
    this.#options = options;
    const timer = options.clock.every(WRITE_EVERY_MS, () => { this.#writeSome(); });
    this.#stopWriting = () => { timer.cancel(); };
  }

  /** Times that were forgotten before they were written. */
  get dropped(): number {
    return this.#dropped;
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

  /** Writes what it can within 2 s, then no more. */
  async stop(): Promise<void> {
    this.#stopWriting();
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + STOP_LIMIT_MS;
    do {
      this.#writeSome();
      if (this.#writes > 0) await sleep(clock, STOP_STEP_MS);
    } while (this.#writes > 0 && clock.monotonicMs() < untilMs);
  }

  #remember(user: string, atMs: number): void {
    const remembered = { user, atMs, noticedMs: this.#options.clock.monotonicMs(), written: false };
    this.#remembered.set(user, remembered);
    this.#order.push(remembered);
    if (this.#order.length - this.#oldest <= MAX_REMEMBERED) return;
    const oldest = this.#order[this.#oldest];
    if (oldest && this.#isNewest(oldest) && !oldest.written && this.#options.role() === "leader") this.#dropped += 1;
    this.#forgetOldest();
  }

  #isNewest(remembered: Remembered): boolean {
    return this.#remembered.get(remembered.user) === remembered;
  }

  #forgetOldest(): void {
    const oldest = this.#order[this.#oldest];
    if (oldest && this.#isNewest(oldest)) this.#remembered.delete(oldest.user);
    this.#oldest += 1;
    this.#unwritten = Math.max(this.#unwritten, this.#oldest);
    if (this.#oldest < SPENT_AT || this.#oldest * 2 < this.#order.length) return;
    this.#order = this.#order.slice(this.#oldest);
    this.#unwritten -= this.#oldest;
    this.#oldest = 0;
  }

  #writeSome(): void {
    const role = this.#options.role();
    if (role === "away") return;
    this.#forgetOld(role === "leader");
    if (role !== "leader") return;
    let room = Math.min(WRITES_TOGETHER, MAX_WRITES - this.#writes);
    for (const again of this.#failed.splice(0, Math.max(0, room))) {
      this.#write(again);
      room -= 1;
    }
    for (; room > 0 && this.#unwritten < this.#order.length; this.#unwritten++) {
      const next = this.#order[this.#unwritten];
      if (!next || !this.#isNewest(next)) continue;
      this.#write(next);
      room -= 1;
    }
  }

  /** Whoever leads keeps what is not written, however old. */
  #forgetOld(leads: boolean): void {
    const keptSinceMs = this.#options.clock.monotonicMs() - KEPT_MS;
    for (let oldest = this.#order[this.#oldest]; oldest; oldest = this.#order[this.#oldest]) {
      if (oldest.noticedMs >= keptSinceMs || (leads && !oldest.written && this.#isNewest(oldest))) return;
      this.#forgetOldest();
    }
  }

  #write(remembered: Remembered): void {
    // A newer time of the user may have come while this one failed.
    if (!this.#isNewest(remembered)) return;
    const { store, log } = this.#options;
    const { user, atMs } = remembered;
    this.#writes += 1;
    remembered.written = true;
    store
      .write(user, atMs)
      .catch((error: unknown) => {
        remembered.written = false;
        if (this.#isNewest(remembered)) this.#failed.push(remembered);
        log.debug({ err: error }, "a last-seen time could not be written; it will be tried again");
      })
      .finally(() => { this.#writes -= 1; });
  }
}
