import type { ConnectorCounters, Heartbeat, SessionChange, SubscriberCount } from "../../../gen/halley/v1/heartbeat.js";
import { userIdFault } from "../../../lib/channel/userToken.js";
import { Claims } from "./claims.js";
import { NO_ROW } from "./hashIndex.js";
import { Lease } from "./lease.js";
import type { RosterEvent } from "./netEvents.js";
import type { ConnectorState, MemberState, Page, RosterStats, UserState } from "./views.js";

/** What a step did. */
export interface Outcome {
  /** Net changes of the step, users first. */
  readonly events: readonly RosterEvent[];
  /** The connector's snapshot is needed: a heartbeat was missed. */
  readonly needsSnapshot: boolean;
  /** Connectors that lost their lease in this step. */
  readonly lost: readonly string[];
}

/** Everything that a connector knows, of one moment: its pieces put together. */
export interface Snapshot {
  readonly connector: string;
  readonly incarnation: Uint8Array;
  /** The heartbeat after which it holds. */
  readonly number: number;
  readonly sessions: readonly SessionChange[];
  readonly counts: readonly SubscriberCount[];
  readonly counters: ConnectorCounters | undefined;
}

/** Bounds and times; the defaults are those of the protocol. */
export interface RosterOptions {
  /** A connector unheard for this long is lost. Default 12,000. */
  readonly leaseMs?: number;
  /** Claims beyond this are not taken. Default 16,000,000, which take about 1.6 GB. */
  readonly maxClaims?: number;
  /** Connectors beyond this are not heard. Default 4,096. */
  readonly maxConnectors?: number;
}

/** How long claims stand whose connector has left, has started anew, or does not name them any more. */
export const LEFT_GRACE_MS = 5_000;
const LEASE_MS = 12_000;
const MAX_CLAIMS = 16_000_000;
const MAX_CONNECTORS = 4_096;
const ID_BYTES = 16;
/** Processes that have left and whose late heartbeats are not heard. */
const MAX_LEFT = 1_024;

/** A connector's name: held while it has a lease or claims. */
interface Connector {
  readonly name: string;
  readonly index: number;
  claims: number;
  lease: Lease | undefined;
}

/**
 * Who is online, from the heartbeats and snapshots of all connectors: a pure state machine, time is an argument (any clock
 * that does not go back). Heartbeats may come twice, in any order, or not at all: nothing is applied on top of a gap, what
 * was known stays until the snapshot is here, and replicas that have heard the same say the same.
 */
export class Roster {
  readonly #claims: Claims;
  readonly #connectors = new Map<string, Connector>();
  readonly #byIndex: (Connector | undefined)[] = [];
  readonly #leaseMs: number;
  readonly #maxClaims: number;
  readonly #maxConnectors: number;
  readonly #left = new Set<string>();
  #refused = 0;

  constructor({ leaseMs = LEASE_MS, maxClaims = MAX_CLAIMS, maxConnectors = MAX_CONNECTORS }: RosterOptions = {}) {
    this.#leaseMs = leaseMs;
    this.#maxClaims = maxClaims;
    this.#maxConnectors = maxConnectors;
    this.#claims = new Claims((index, by) => { this.#countClaims(index, by); });
  }

  /** Takes a heartbeat. */
  heartbeat(heartbeat: Heartbeat, nowMs: number): Outcome {
    const connector = this.#hear(heartbeat, nowMs);
    if (!connector) return this.#outcome(undefined);
    const { lease } = connector;
    if (heartbeat.leaving) {
      if (lease?.synced && heartbeat.number === lease.number + 1) this.#apply(connector, lease, heartbeat, nowMs);
      this.#leave(connector, heartbeat, nowMs);
    } else if (lease && heartbeat.number > lease.number) {
      lease.heardAtMs = nowMs;
      lease.hold(heartbeat);
      this.#applyHeld(connector, lease, nowMs);
    }
    return this.#outcome(connector);
  }

  /** Takes a snapshot; one that says nothing new (an older process, an older number) changes nothing. */
  snapshot(snapshot: Snapshot, nowMs: number): Outcome {
    const connector = this.#connectors.get(snapshot.connector);
    const lease = connector?.lease;
    if (!connector || lease?.incarnation !== hex(snapshot.incarnation)) return this.#outcome(connector);
    if (snapshot.number < lease.number || (lease.synced && snapshot.number === lease.number)) return this.#outcome(connector);
    lease.heardAtMs = nowMs;
    const unnamed = new Set(this.#claims.rowsOf(connector.index));
    for (const change of snapshot.sessions) {
      this.#change(connector, change, nowMs);
      unnamed.delete(this.#rowOf(connector, change));
    }
    // Their end was missed, and with it whether they get a grace: they get it.
    for (const row of unnamed) this.#claims.close(row, LEFT_GRACE_MS, nowMs);
    this.#clearSubscribers(lease);
    for (const count of snapshot.counts) this.#setSubscribers(lease, count);
    lease.count(snapshot.counters, nowMs);
    lease.number = snapshot.number;
    lease.synced = true;
    this.#applyHeld(connector, lease, nowMs);
    return this.#outcome(connector);
  }

  /**
   * Ends what is due: leases of connectors that were not heard for too long, their claims and those whose grace is over, `limit` claims
   * at most; `nextDeadlineMs` says whether more are due.
   */
  advance(nowMs: number, limit = Infinity): Outcome {
    const lost: string[] = [];
    for (const connector of [...this.#connectors.values()]) {
      if (!connector.lease || connector.lease.heardAtMs + this.#leaseMs > nowMs) continue;
      lost.push(connector.name);
      this.#dropLease(connector);
      for (const row of this.#claims.rowsOf(connector.index)) this.#claims.expire(row, nowMs);
      this.#forgetIfEmpty(connector);
    }
    this.#claims.advance(nowMs, limit);
    return { ...this.#outcome(undefined), lost };
  }

  /** When `advance` may have something to do; Infinity: never. */
  nextDeadlineMs(): number {
    let nextMs = this.#claims.nextDeadlineMs;
    for (const { lease } of this.#connectors.values()) if (lease) nextMs = Math.min(nextMs, lease.heardAtMs + this.#leaseMs);
    return nextMs;
  }

  /** Gives every connector a whole lease from now: nothing could be heard, for a reason that is ours. */
  renewLeases(nowMs: number): void {
    for (const { lease } of this.#connectors.values()) if (lease) lease.heardAtMs = Math.max(lease.heardAtMs, nowMs);
  }

  /** One user, online or not. */
  user(id: string): UserState {
    return this.#userAt(this.#claims.users.find(id), id);
  }

  /** Many users, online or not: cheaper than one by one. */
  users(ids: readonly string[]): UserState[] {
    const rows = this.#claims.users.findAll(ids);
    return ids.map((id, at) => this.#userAt(rows[at], id));
  }

  /** Online users behind an id, by the UTF-8 bytes of their ids. O(log n + limit). */
  onlineUsers(after: string | undefined, limit: number): Page<UserState> {
    const { users } = this.#claims;
    const rows = users.after(after, limit + 1);
    return { items: rows.slice(0, limit).map((row) => this.#userAt(row, users.idOf(row))), more: rows.length > limit, total: users.size };
  }

  /** Members of a channel behind an id, by the UTF-8 bytes of their ids, and the number of their sessions. O(log n + limit). */
  members(name: string, after: string | undefined, limit: number): Page<MemberState> & { readonly sessions: number } {
    const channel = this.#claims.channels.find(name);
    if (!channel) return { items: [], more: false, total: 0, sessions: 0 };
    const rows = channel.after(after, limit + 1);
    const items = rows.slice(0, limit).map((row) => ({ user: this.#claims.users.idOf(row), sessions: channel.sessionsOf(row) }));
    return { items, more: rows.length > limit, total: channel.members, sessions: channel.memberSessions };
  }

  /** Whether a user is a member of a channel. */
  isMember(name: string, user: string): boolean {
    return this.#claims.isMember(name, user);
  }

  /** Sessions that are subscribed to a channel, over all connectors. */
  subscribers(name: string): number {
    return this.#claims.channels.find(name)?.subscribers ?? 0;
  }

  /** Totals. O(1). */
  stats(): RosterStats {
    const { websocket, poll } = this.#claims.sessions;
    const { users, channels } = this.#claims;
    return { onlineUsers: users.size, websocketSessions: websocket, pollSessions: poll, channels: channels.subscribed };
  }

  /** The connectors with a lease, by name. */
  connectors(): ConnectorState[] {
    const states: ConnectorState[] = [];
    for (const { name, claims, lease } of this.#connectors.values()) {
      if (!lease) continue;
      const { startedMs, heardAtMs, synced } = lease;
      states.push({ connector: name, sessions: claims, channels: lease.subscribers.size, ...lease.rates, startedMs, heardAtMs, synced });
    }
    return states.sort((a, b) => (a.connector < b.connector ? -1 : 1));
  }

  /** Sessions and connectors that were not taken, because of a limit or because they were no sessions. */
  get refused(): number {
    return this.#refused;
  }

  #userAt(row: number | undefined, user: string): UserState {
    const { users } = this.#claims;
    if (row === undefined) return { user, sessions: 0, onlineSinceMs: undefined };
    return { user, sessions: users.sessionsOf(row), onlineSinceMs: users.sinceMsOf(row) };
  }

  /** The connector of a heartbeat, with the lease that it belongs to; undefined when it is not to be heard. */
  #hear({ connector: name, incarnation: bytes, leaving, counters }: Heartbeat, nowMs: number): Connector | undefined {
    const incarnation = hex(bytes);
    if (this.#left.has(incarnation)) return undefined;
    const known = this.#connectors.get(name);
    if (known?.lease?.incarnation === incarnation) return known;
    // A process that began before the one that is heard now: what it says is late.
    if (leaving || (known?.lease && (counters?.startedMs ?? 0) < known.lease.startedMs)) return undefined;
    const connector = known ?? this.#addConnector(name);
    if (!connector) return undefined;
    this.#dropLease(connector);
    for (const row of this.#claims.rowsOf(connector.index)) this.#claims.close(row, LEFT_GRACE_MS, nowMs);
    connector.lease = new Lease(incarnation, nowMs);
    connector.lease.count(counters, nowMs);
    return connector;
  }

  #addConnector(name: string): Connector | undefined {
    if (this.#connectors.size >= this.#maxConnectors) {
      this.#refused += 1;
      return undefined;
    }
    const free = this.#byIndex.indexOf(undefined);
    const connector: Connector = { name, index: free === -1 ? this.#byIndex.length : free, claims: 0, lease: undefined };
    this.#byIndex[connector.index] = connector;
    this.#connectors.set(name, connector);
    return connector;
  }

  /** Applies what follows on the last applied number; what is left behind a gap makes the lease unsynced. */
  #applyHeld(connector: Connector, lease: Lease, nowMs: number): void {
    for (let next = lease.takeNext(); next; next = lease.takeNext()) this.#apply(connector, lease, next, nowMs);
    lease.synced = lease.holdsNothing;
  }

  #apply(connector: Connector, lease: Lease, heartbeat: Heartbeat, nowMs: number): void {
    for (const change of heartbeat.changes) this.#change(connector, change, nowMs);
    for (const count of heartbeat.counts) this.#setSubscribers(lease, count);
    lease.count(heartbeat.counters, nowMs);
    lease.number = heartbeat.number;
  }

  #change(connector: Connector, { session, change }: SessionChange, nowMs: number): void {
    if (session.length !== ID_BYTES || !change) {
      this.#refused += 1;
      return;
    }
    const row = this.#claims.find(connector.index, session);
    if (change.$case === "opened") {
      if ((row === NO_ROW && this.#claims.size >= this.#maxClaims) || userIdFault(change.value.user) !== undefined) {
        this.#refused += 1;
        return;
      }
      this.#claims.open(connector.index, session, change.value, nowMs);
    } else if (row === NO_ROW) {
      return;
    } else if (change.$case === "closed") {
      const { graceMs, over } = change.value;
      if (over) this.#claims.over(row, graceMs, nowMs);
      else this.#claims.close(row, graceMs, nowMs);
    } else if (change.$case === "joined") {
      this.#claims.join(row, change.value);
    } else {
      this.#claims.leave(row, change.value);
    }
  }

  #rowOf(connector: Connector, { session }: SessionChange): number {
    return session.length === ID_BYTES ? this.#claims.find(connector.index, session) : NO_ROW;
  }

  #setSubscribers(lease: Lease, { channel: name, sessions }: SubscriberCount): void {
    const channel = this.#claims.channels.ensure(name);
    const before = lease.subscribers.get(channel) ?? 0;
    if (sessions === 0) lease.subscribers.delete(channel);
    else lease.subscribers.set(channel, sessions);
    this.#claims.channels.addSubscribers(channel, sessions - before);
  }

  #clearSubscribers(lease: Lease): void {
    for (const [channel, sessions] of lease.subscribers) this.#claims.channels.addSubscribers(channel, -sessions);
    lease.subscribers.clear();
  }

  #leave(connector: Connector, { incarnation }: Heartbeat, nowMs: number): void {
    this.#dropLease(connector);
    this.#left.add(hex(incarnation));
    const [oldest] = this.#left;
    if (this.#left.size > MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
    for (const row of this.#claims.rowsOf(connector.index)) this.#claims.close(row, LEFT_GRACE_MS, nowMs);
    this.#forgetIfEmpty(connector);
  }

  #dropLease(connector: Connector): void {
    if (connector.lease) this.#clearSubscribers(connector.lease);
    connector.lease = undefined;
  }

  #countClaims(index: number, by: number): void {
    const connector = this.#byIndex[index];
    if (!connector) return;
    connector.claims += by;
    this.#forgetIfEmpty(connector);
  }

  #forgetIfEmpty(connector: Connector): void {
    if (connector.lease || connector.claims > 0 || this.#connectors.get(connector.name) !== connector) return;
    this.#connectors.delete(connector.name);
    this.#byIndex[connector.index] = undefined;
  }

  #outcome(connector: Connector | undefined): Outcome {
    return { events: this.#claims.takeEvents(), needsSnapshot: connector?.lease?.synced === false, lost: [] };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
