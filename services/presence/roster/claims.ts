import { Transport } from "../../../gen/halley/v1/heartbeat.js";
import { type Channel, ChannelTable } from "./channelTable.js";
import { ClaimTable } from "./claimTable.js";
import { Deadlines } from "./deadlines.js";
import { NO_ROW } from "./hashIndex.js";
import { NetEvents, type RosterEvent } from "./netEvents.js";
import { UserTable } from "./userTable.js";

/** What a connector says of a session that is there. */
export interface OpenSession {
  readonly user: string;
  readonly transport: Transport;
  readonly sinceMs: number;
  /** Channels with presence on. */
  readonly channels: readonly string[];
}

/** A claim that ends, or a membership within one, unless something has changed by then. */
interface Ending {
  readonly atMs: number;
  readonly row: number;
  readonly channel: Channel | undefined;
}

/** How the claims on a session make it count: once, as WebSocket when any of them is one. */
type Kind = "none" | "poll" | "websocket";

/** How long the channels of a session stay when it is opened again and has not subscribed again so far. */
export const REOPEN_GRACE_MS = 5_000;
/** The longest grace that is believed. */
export const MAX_GRACE_MS = 60_000;

/**
 * Who is here, by the claims of connectors. A session (id and user) exists while any connector claims it, a user is online
 * while they have a session, and is a member of a channel while any claim on any of their sessions says so. Pure: time is
 * an argument.
 */
export class Claims {
  readonly users = new UserTable();
  readonly channels = new ChannelTable(this.users);
  readonly #table = new ClaimTable(this.users);
  /** The channels of a claim, each with the time when it ends there; Infinity: stays. Only claims that have channels. */
  readonly #joined = new Map<number, Map<Channel, number>>();
  /** When a claim in its grace ends. */
  readonly #endsAtMs = new Map<number, number>();
  /** Those of them whose session is over. */
  readonly #over = new Set<number>();
  /** The time under which a row's ending stands in the queue: one entry a row, however often it comes and goes. */
  readonly #queuedAtMs = new Map<number, number>();
  readonly #queue = new Deadlines<Ending>();
  readonly #events = new NetEvents();
  readonly #sessions: Record<Kind, number> = { none: 0, poll: 0, websocket: 0 };
  readonly #onCount: (connector: number, by: 1 | -1) => void;

  /** `onCount` is told of each claim of a connector that begins (1) and ends (-1). */
  constructor(onCount: (connector: number, by: 1 | -1) => void) {
    this.#onCount = onCount;
  }

  /** How many claims there are: at least as many as sessions. */
  get size(): number {
    return this.#table.size;
  }

  /** Sessions by transport. */
  get sessions(): { readonly websocket: number; readonly poll: number } {
    return this.#sessions;
  }

  /** Whether a user is a member of a channel. */
  isMember(name: string, userId: string): boolean {
    const user = this.users.find(userId);
    return user !== undefined && (this.channels.find(name)?.sessionsOf(user) ?? 0) > 0;
  }

  /** The rows of a connector's claims. */
  rowsOf(connector: number): number[] {
    return this.#table.rowsOfConnector(connector);
  }

  /** The row of a connector's claim on a session, or NO_ROW. */
  find(connector: number, id: Uint8Array): number {
    return this.#table.find(id, connector);
  }

  /**
   * A session is at a connector: a new claim, or the same again, which then has no end. Channels that it had there and does
   * not name stay for 5 s: after a reload the page subscribes one by one.
   */
  open(connector: number, id: Uint8Array, session: OpenSession, nowMs: number): number {
    let row = this.#table.find(id, connector);
    if (row !== NO_ROW && this.users.idOf(this.#table.userOf(row)) !== session.user) {
      this.end(row);
      row = NO_ROW;
    }
    if (row === NO_ROW) row = this.#add(connector, id, session);
    else this.#reopen(row, session, nowMs);
    for (const channel of session.channels) this.join(row, channel);
    return row;
  }

  /** A claim will end `graceMs` from now, at once when 0; sooner where that was agreed before. */
  close(row: number, graceMs: number, nowMs: number): void {
    if (graceMs <= 0) {
      this.end(row);
      return;
    }
    const atMs = Math.min(nowMs + Math.min(graceMs, MAX_GRACE_MS), this.#endsAtMs.get(row) ?? Infinity, this.#overAtMs(row));
    this.#endsAtMs.set(row, atMs);
    if ((this.#queuedAtMs.get(row) ?? Infinity) > atMs) this.#enqueue(row, atMs);
  }

  /** A claim ends with the next `advance`: many of them would be a long step. */
  expire(row: number, nowMs: number): void {
    this.#endsAtMs.set(row, nowMs);
    if ((this.#queuedAtMs.get(row) ?? Infinity) > nowMs) this.#enqueue(row, nowMs);
  }

  /** The session of a claim is over: like `close`, and so do the claims end for which connectors closed it before, or do until then. */
  over(row: number, graceMs: number, nowMs: number): void {
    const inGrace = this.#table.rowsOfSession(row).filter((one) => one !== row && this.#endsAtMs.has(one));
    for (const one of [row, ...inGrace]) this.close(one, graceMs, nowMs);
    if (graceMs > 0) this.#over.add(row);
  }

  /** The session of a claim is subscribed to a channel. */
  join(row: number, name: string): void {
    const channel = this.channels.ensure(name);
    const joined = this.#joined.get(row) ?? new Map<Channel, number>();
    this.#joined.set(row, joined);
    if (!joined.has(channel) && !this.#sessionIsIn(row, channel)) this.#addMember(row, channel, 1);
    joined.set(channel, Infinity);
  }

  /** The session of a claim has unsubscribed: there, and at connectors where it only has its grace left. */
  leave(row: number, name: string): void {
    const channel = this.channels.find(name);
    if (!channel) return;
    for (const one of this.#table.rowsOfSession(row)) {
      if (one === row || this.#endsAtMs.has(one)) this.#part(one, channel);
    }
  }

  /** Ends a claim now. */
  end(row: number): void {
    for (const channel of this.#joined.get(row)?.keys() ?? []) this.#part(row, channel);
    this.#joined.delete(row);
    this.#endsAtMs.delete(row);
    this.#over.delete(row);
    const user = this.#table.userOf(row);
    const connector = this.#table.connectorOf(row);
    const rows = this.#table.rowsOfSession(row);
    const before = this.#kindOf(rows);
    const after = this.#kindOf(rows.filter((one) => one !== row));
    const sinceMs = this.#table.sinceMsOf(row);
    this.#table.remove(row);
    this.#recount(user, before, after);
    if (this.users.firstClaimOf(user) !== 0 && this.users.sinceMsOf(user) === sinceMs) this.users.setSinceMs(user, this.#firstSinceMs(user));
    this.#onCount(connector, -1);
  }

  /** Ends what is due at `nowMs`, `limit` of it at most. */
  advance(nowMs: number, limit: number): void {
    for (let ended = 0; ended < limit; ended++) {
      const due = this.#queue.takeDue(nowMs);
      if (!due) return;
      const { row, channel, atMs } = due;
      if (channel) {
        if (this.#joined.get(row)?.get(channel) === atMs) this.#part(row, channel);
      } else if (this.#queuedAtMs.get(row) === atMs) {
        this.#queuedAtMs.delete(row);
        const endsAtMs = this.#endsAtMs.get(row);
        if (endsAtMs === undefined) continue;
        if (endsAtMs <= nowMs) this.end(row);
        else this.#enqueue(row, endsAtMs);
      }
    }
  }

  /** Not later than the next ending; Infinity when there is none. */
  get nextDeadlineMs(): number {
    return this.#queue.nextMs;
  }

  /** What has changed since the last call. */
  takeEvents(): RosterEvent[] {
    return this.#events.take(
      (user) => this.users.find(user) !== undefined,
      (channel, user) => this.isMember(channel, user),
    );
  }

  #add(connector: number, id: Uint8Array, { user: userId, transport, sinceMs }: OpenSession): number {
    const user = this.users.ensure(userId);
    const isFirst = this.users.firstClaimOf(user) === 0;
    const row = this.#table.add({ id, connector, user, transport, sinceMs });
    const rows = this.#table.rowsOfSession(row);
    // A session that moves here began where it came from.
    for (const one of rows) this.#table.setSinceMs(row, Math.min(this.#table.sinceMsOf(row), this.#table.sinceMsOf(one)));
    if (isFirst) this.users.setSinceMs(user, this.#table.sinceMsOf(row));
    else this.#isSince(user, this.#table.sinceMsOf(row));
    this.#recount(user, this.#kindOf(rows.filter((one) => one !== row)), this.#kindOf(rows));
    this.#onCount(connector, 1);
    return row;
  }

  #reopen(row: number, { transport, sinceMs, channels }: OpenSession, nowMs: number): void {
    this.#endsAtMs.delete(row);
    this.#over.delete(row);
    this.#table.setSinceMs(row, Math.min(this.#table.sinceMsOf(row), sinceMs));
    this.#isSince(this.#table.userOf(row), sinceMs);
    if (this.#table.transportOf(row) !== transport) {
      const rows = this.#table.rowsOfSession(row);
      const before = this.#kindOf(rows);
      this.#table.setTransport(row, transport);
      this.#recount(this.#table.userOf(row), before, this.#kindOf(rows));
    }
    const joined = this.#joined.get(row);
    if (!joined) return;
    const named = new Set(channels);
    for (const [channel, endsAtMs] of joined) {
      if (named.has(channel.name) || endsAtMs !== Infinity) continue;
      joined.set(channel, nowMs + REOPEN_GRACE_MS);
      this.#queue.add({ atMs: nowMs + REOPEN_GRACE_MS, row, channel });
    }
  }

  /** A session of a user is here since then. */
  #isSince(user: number, sinceMs: number): void {
    if (sinceMs < this.users.sinceMsOf(user)) this.users.setSinceMs(user, sinceMs);
  }

  #firstSinceMs(user: number): number {
    let firstMs = Infinity;
    for (const row of this.#table.rowsOfUser(user)) firstMs = Math.min(firstMs, this.#table.sinceMsOf(row));
    return firstMs;
  }

  /** When the session of a row ends, if a connector has said that it is over; otherwise Infinity. */
  #overAtMs(row: number): number {
    if (this.#over.size === 0) return Infinity;
    const ends = this.#table.rowsOfSession(row).map((one) => (this.#over.has(one) ? (this.#endsAtMs.get(one) ?? Infinity) : Infinity));
    return Math.min(Infinity, ...ends);
  }

  #enqueue(row: number, atMs: number): void {
    this.#queuedAtMs.set(row, atMs);
    this.#queue.add({ atMs, row, channel: undefined });
  }

  #part(row: number, channel: Channel): void {
    const joined = this.#joined.get(row);
    if (!joined?.delete(channel)) return;
    if (joined.size === 0) this.#joined.delete(row);
    if (!this.#sessionIsIn(row, channel)) this.#addMember(row, channel, -1);
  }

  #sessionIsIn(row: number, channel: Channel): boolean {
    return this.#table.rowsOfSession(row).some((one) => this.#joined.get(one)?.has(channel) === true);
  }

  #addMember(row: number, channel: Channel, by: 1 | -1): void {
    const user = this.#table.userOf(row);
    const before = channel.sessionsOf(user);
    const after = channel.addSessions(user, by);
    if ((before === 0) !== (after === 0)) this.#events.noteMember(channel.name, this.users.idOf(user), before > 0);
    this.channels.forgetIfEmpty(channel);
  }

  #kindOf(rows: readonly number[]): Kind {
    if (rows.length === 0) return "none";
    return rows.some((row) => this.#table.transportOf(row) === Transport.TRANSPORT_WEBSOCKET) ? "websocket" : "poll";
  }

  #recount(user: number, before: Kind, after: Kind): void {
    if (before === after) return;
    if (before !== "none") this.#sessions[before] -= 1;
    if (after !== "none") this.#sessions[after] += 1;
    if (before === "none" && this.users.addSessions(user, 1) === 1) this.#events.noteUser(this.users.idOf(user), false);
    if (after === "none" && this.users.addSessions(user, -1) === 0) {
      this.#events.noteUser(this.users.idOf(user), true);
      this.users.remove(user);
    }
  }
}
