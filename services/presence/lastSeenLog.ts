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
/** Users whose time is remembered here; past this the oldest go, unwritten if so. */
export const MAX_REMEMBERED = 200_000;
/** Writes under way at a time. */
const MAX_WRITES = 1_000;
/** Writes begun at a time, and how often: 15,000 a second, in pieces that hold up no question. */
const WRITES_TOGETHER = 150;
const WRITE_EVERY_MS = 10;
const STOP_LIMIT_MS = 2_000;
const STOP_STEP_MS = 10;

interface Remembered {
  readonly atMs: number;
  readonly noticedMs: number;
}

/**
 * Remembers when users went offline and writes it to the bucket. Every replica remembers for 30 s, only the leader writes;
 * one that takes the lead writes what it remembers, so that nothing is missed when a leader dies. Writes set a time that is
 * the same whoever writes it, to within the moment a heartbeat takes, so writing twice does no harm. While NATS is away the
 * newest time of each user waits.
 */
export class LastSeenLog implements Running {
  readonly #options: LastSeenLogOptions;
  /** In the order of time. */
  readonly #remembered = new Map<string, Remembered>();
  /** Those of them that nobody has begun to write here. */
  readonly #unwritten = new Set<string>();
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
    // Again at the end: the order is that of time.
    this.#remembered.delete(user);
    this.#unwritten.delete(user);
    this.#remembered.set(user, { atMs, noticedMs: this.#options.clock.monotonicMs() });
    this.#unwritten.add(user);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#forget(oldest) && this.#options.role() === "leader") this.#dropped += 1;
  }

  /** Whether the user's time was unwritten. */
  #forget(user: string): boolean {
    this.#remembered.delete(user);
    return this.#unwritten.delete(user);
  }

  #writeSome(): void {
    const role = this.#options.role();
    if (role === "away") return;
    this.#forgetOld(role === "leader");
    if (role !== "leader") return;
    let room = Math.min(WRITES_TOGETHER, MAX_WRITES - this.#writes);
    for (const user of this.#unwritten) {
      if (room <= 0) return;
      room -= 1;
      const remembered = this.#remembered.get(user);
      if (remembered) this.#write(user, remembered);
    }
  }

  /** Whoever leads keeps what is not written, however old. */
  #forgetOld(leads: boolean): void {
    const keptSinceMs = this.#options.clock.monotonicMs() - KEPT_MS;
    for (const [user, { noticedMs }] of this.#remembered) {
      if (noticedMs >= keptSinceMs || (leads && this.#unwritten.has(user))) return;
      this.#forget(user);
    }
  }

  #write(user: string, remembered: Remembered): void {
    const { store, log } = this.#options;
    this.#writes += 1;
    this.#unwritten.delete(user);
    store
      .write(user, remembered.atMs)
      .catch((error: unknown) => {
        if (this.#remembered.get(user) === remembered) this.#unwritten.add(user);
        log.debug({ err: error }, "a last-seen time could not be written; it will be tried again");
      })
      .finally(() => { this.#writes -= 1; });
  }
}
