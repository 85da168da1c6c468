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
const WRITE_EVERY_MS = 100;
const STOP_LIMIT_MS = 2_000;
const STOP_STEP_MS = 10;

interface Remembered {
  readonly atMs: number;
  readonly noticedMs: number;
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
    this.#remembered.set(user, { atMs, noticedMs: this.#options.clock.monotonicMs(), written: false });
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#remembered;
    if (oldest) this.#forget(...oldest);
  }

  #forget(user: string, { written }: Remembered): void {
    this.#remembered.delete(user);
    if (!written && this.#options.role() === "leader") this.#dropped += 1;
  }

  #writeSome(): void {
    const { clock, role } = this.#options;
    const now = role();
    if (now === "away") return;
    const leads = now === "leader";
    const nowMs = clock.monotonicMs();
    for (const [user, remembered] of this.#remembered) {
      const old = nowMs - remembered.noticedMs > KEPT_MS;
      if (old && (remembered.written || !leads)) this.#remembered.delete(user);
      // In order of time: all others are young.
      else if (!leads) return;
      else if (!remembered.written && this.#writes < MAX_WRITES) this.#write(user, remembered);
      else if (!old && this.#writes >= MAX_WRITES) return;
    }
  }

  #write(user: string, remembered: Remembered): void {
    const { store, log } = this.#options;
    this.#writes += 1;
    remembered.written = true;
    store
      .write(user, remembered.atMs)
      .catch((error: unknown) => {
        remembered.written = false;
        log.debug({ err: error }, "a last-seen time could not be written; it will be tried again");
      })
      .finally(() => { this.#writes -= 1; });
  }
}
