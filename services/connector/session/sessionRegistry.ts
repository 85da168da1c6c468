import type { Bus, BusSubscription } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";
import type { Clock } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { SessionId } from "./sessionId.js";

/** Who took a session over: a connection here, or one at another connector. */
export type Successor = "here" | "elsewhere";

/** A connection, or a waiting poll, that has a session. */
export interface SessionOwner {
  /** A newer connection has the session now: end without freeing it. */
  supersede(successor: Successor): void;
}

/** What a registry needs. */
interface RegistryParts {
  readonly bus: Bus;
  /** Names this process, so that it knows its own announcements. */
  readonly connector: string;
  readonly sessionsPerUser: number;
  readonly clock: Clock;
}

/** When a user who has too many sessions may look again whether one has ended. */
const SESSIONS_RETRY_MS = 10_000;

/** An owner who claims a session again and again tells the others this often, should they have missed it. */
const ANNOUNCE_AGAIN_MS = 5_000;

interface Entry {
  readonly owner: SessionOwner;
  readonly userId: string;
  /** When it was claimed last, by this connector's wall clock. */
  claimedAtMs: number;
  /** The claim that was announced last, as it was claimed; NaN where none was. */
  announcedClaimMs: number;
  /** When that was, by the clock that only goes on; -Infinity where the next claim must be announced. */
  announcedAtMs: number;
}

/**
 * The sessions of this connector, one owner each. A new owner is announced to all connectors, so that an older connection
 * of the same session ends wherever it is. Announcements say when the session was claimed, so that one that arrives late
 * ends nothing newer; between claims that are closer to each other than the connectors' clocks, one of them wins.
 */
export class SessionRegistry {
  readonly #parts: RegistryParts;
  readonly #entries = new Map<string, Entry>();
  readonly #perUser = new Map<string, number>();
  readonly #announcements: BusSubscription;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#announcements = parts.bus.subscribe(subjects.sessionAll, ({ subject, data }) => {
      this.#onAnnouncement(subject.slice(subjects.session("").length), Buffer.from(data).toString("utf8"));
    });
  }

  /** Sessions that are here. */
  get size(): number {
    return this.#entries.size;
  }

  /** Gives the session to `owner`; another owner, here or elsewhere, is superseded. Throws TOO_MANY_SESSIONS. */
  claim({ key }: SessionId, userId: string, owner: SessionOwner): void {
    const { sessionsPerUser, clock } = this.#parts;
    const claimedAtMs = clock.nowMs();
    const present = this.#entries.get(key);
    if (present?.owner === owner) {
      present.claimedAtMs = claimedAtMs;
      // Who polls claims it with each poll: nobody else has it, as far as is known here, so that the others know already.
      if (clock.monotonicMs() - present.announcedAtMs >= ANNOUNCE_AGAIN_MS) this.#announce(key, present);
      return;
    }
    if (!present && (this.#perUser.get(userId) ?? 0) >= sessionsPerUser) {
      throw new RpcError("TOO_MANY_SESSIONS", `${userId} has ${String(sessionsPerUser)} sessions on this connector already`, { retryAfterMs: SESSIONS_RETRY_MS });
    }
    this.#supersede(key, "here");
    const entry = { owner, userId, claimedAtMs, announcedClaimMs: NaN, announcedAtMs: -Infinity };
    this.#entries.set(key, entry);
    this.#count(userId, 1);
    this.#announce(key, entry);
  }

  /** Whether somebody at this connector has the session. */
  isHere({ key }: SessionId): boolean {
    return this.#entries.has(key);
  }

  /** Frees the session if `owner` still has it. */
  release({ key }: SessionId, owner: SessionOwner): void {
    const entry = this.#entries.get(key);
    if (entry?.owner === owner) this.#remove(key, entry);
  }

  stop(): void {
    this.#announcements.unsubscribe();
  }

  /** Tells all other connectors that the session is here now, and since when: `<connector> <milliseconds since 1970>`. */
  #announce(key: string, entry: Entry): void {
    const { bus, connector, clock } = this.#parts;
    if (!bus.connected) return;
    entry.announcedClaimMs = entry.claimedAtMs;
    entry.announcedAtMs = clock.monotonicMs();
    bus.publish(subjects.session(key), Buffer.from(`${connector} ${String(entry.claimedAtMs)}`));
  }

  #onAnnouncement(key: string, text: string): void {
    const [other = "", atMs = ""] = text.split(" ");
    const { connector } = this.#parts;
    const entry = this.#entries.get(key);
    if (!entry || other === connector) return;
    const later = Number(atMs) - entry.claimedAtMs;
    if (later > 0 || (later === 0 && other > connector)) this.#supersede(key, "elsewhere");
    // It came late, and the other can't know of the claim here if that was not told: the next one tells it, if there is one. At
    // once would end what may be the newer connection where this connector's clock is ahead.
    else if (entry.announcedClaimMs !== entry.claimedAtMs) entry.announcedAtMs = -Infinity;
  }

  #supersede(key: string, successor: Successor): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#remove(key, entry);
    entry.owner.supersede(successor);
  }

  #remove(key: string, { userId }: Entry): void {
    this.#entries.delete(key);
    this.#count(userId, -1);
  }

  #count(userId: string, change: 1 | -1): void {
    const count = (this.#perUser.get(userId) ?? 0) + change;
    if (count === 0) this.#perUser.delete(userId);
    else this.#perUser.set(userId, count);
  }
}
