import { type Heartbeat, type SessionChange, type SessionClosed, Transport } from "../../gen/halley/v1/heartbeat.js";

interface Claim {
  readonly connector: string;
  readonly id: string;
  readonly user: string;
  transport: Transport;
  sinceMs: number;
  endsAtMs: number;
  isOver: boolean;
  /** Channel and when it ends there. */
  readonly channels: Map<string, number>;
}

const GRACE_MS = 5_000;
const LEASE_MS = 12_000;

/**
 * The roster's rules in their plainest form: a list of claims that is searched for every answer. It takes heartbeats that are
 * complete and in order only. For comparing with the real one.
 */
export class NaiveRoster {
  #claims: Claim[] = [];
  readonly #leases = new Map<string, { incarnation: string; heardAtMs: number; subscribers: Map<string, number> }>();

  heartbeat({ connector, incarnation, changes, counts, leaving }: Heartbeat, nowMs: number): void {
    const name = incarnation.toString("hex");
    let lease = this.#leases.get(connector);
    if (lease?.incarnation !== name) {
      for (const claim of this.#of(connector)) this.#endBy(claim, nowMs + GRACE_MS);
      lease = { incarnation: name, heardAtMs: nowMs, subscribers: new Map() };
      this.#leases.set(connector, lease);
    }
    lease.heardAtMs = nowMs;
    for (const change of changes) this.#change(connector, change, nowMs);
    for (const { channel, sessions } of counts) lease.subscribers.set(channel, sessions);
    if (!leaving) return;
    this.#leases.delete(connector);
    for (const claim of this.#of(connector)) this.#endBy(claim, nowMs + GRACE_MS);
  }

  advance(nowMs: number): void {
    for (const [connector, { heardAtMs }] of this.#leases) {
      if (heardAtMs + LEASE_MS > nowMs) continue;
      this.#leases.delete(connector);
      this.#claims = this.#claims.filter((claim) => claim.connector !== connector);
    }
    this.#claims = this.#claims.filter(({ endsAtMs }) => endsAtMs > nowMs);
    for (const { channels } of this.#claims) for (const [channel, endsAtMs] of channels) if (endsAtMs <= nowMs) channels.delete(channel);
  }

  /** The ids of online users, sorted by bytes. */
  get online(): string[] {
    return byBytes(this.#claims.map(({ user }) => user));
  }

  user(user: string): { user: string; sessions: number; onlineSinceMs: number | undefined } {
    const claims = this.#claims.filter((claim) => claim.user === user);
    const sinceMs = Math.min(...claims.map((claim) => claim.sinceMs));
    return { user, sessions: new Set(claims.map(({ id }) => id)).size, onlineSinceMs: claims.length > 0 ? sinceMs : undefined };
  }

  members(channel: string): { user: string; sessions: number }[] {
    const claims = this.#claims.filter(({ channels }) => channels.has(channel));
    const sessionsOf = (user: string): number => new Set(claims.filter((claim) => claim.user === user).map(({ id }) => id)).size;
    return byBytes(claims.map(({ user }) => user)).map((user) => ({ user, sessions: sessionsOf(user) }));
  }

  subscribers(channel: string): number {
    return [...this.#leases.values()].reduce((sum, { subscribers }) => sum + (subscribers.get(channel) ?? 0), 0);
  }

  /** Sessions with a WebSocket claim, and all others. */
  get transports(): { websocket: number; poll: number } {
    const key = ({ id, user }: Claim): string => `${id} ${user}`;
    const websocket = new Set(this.#claims.filter(({ transport }) => transport === Transport.TRANSPORT_WEBSOCKET).map(key));
    return { websocket: websocket.size, poll: new Set(this.#claims.map(key)).size - websocket.size };
  }

  #change(connector: string, { session, change }: SessionChange, nowMs: number): void {
    const id = session.toString("hex");
    const claim = this.#of(connector).find((one) => one.id === id);
    if (change?.$case === "opened") {
      const { user, transport, sinceMs, channels } = change.value;
      if (claim?.user !== user) {
        this.#claims = this.#claims.filter((one) => one !== claim);
        const firstMs = Math.min(sinceMs, ...this.#claims.filter((one) => one.id === id && one.user === user).map((one) => one.sinceMs));
        const named = new Map(channels.map((channel) => [channel, Infinity]));
        this.#claims.push({ connector, id, user, transport, sinceMs: firstMs, endsAtMs: Infinity, isOver: false, channels: named });
        return;
      }
      claim.endsAtMs = Infinity;
      claim.isOver = false;
      claim.transport = transport;
      claim.sinceMs = Math.min(claim.sinceMs, sinceMs);
      for (const [channel, endsAtMs] of claim.channels) claim.channels.set(channel, Math.min(endsAtMs, nowMs + GRACE_MS));
      for (const channel of channels) claim.channels.set(channel, Infinity);
    } else if (claim && change?.$case === "closed") {
      this.#close(claim, change.value, nowMs);
    } else if (claim && change?.$case === "joined") {
      claim.channels.set(change.value, Infinity);
    } else if (claim && change?.$case === "left") {
      const concerned = this.#claims.filter((one) => one === claim || (one.id === id && one.user === claim.user && one.endsAtMs !== Infinity));
      for (const one of concerned) one.channels.delete(change.value);
    }
  }

  #close(claim: Claim, { graceMs, over }: SessionClosed, nowMs: number): void {
    const concerned = [claim, ...(over ? this.#othersOf(claim).filter(({ endsAtMs }) => endsAtMs !== Infinity) : [])];
    for (const one of concerned) this.#endBy(one, nowMs + graceMs);
    claim.isOver ||= over;
    if (graceMs === 0) this.#claims = this.#claims.filter((one) => !concerned.includes(one));
  }

  #endBy(claim: Claim, atMs: number): void {
    const over = this.#othersOf(claim).filter(({ isOver }) => isOver);
    claim.endsAtMs = Math.min(claim.endsAtMs, atMs, ...over.map(({ endsAtMs }) => endsAtMs));
  }

  #othersOf(claim: Claim): Claim[] {
    return this.#claims.filter((one) => one !== claim && one.id === claim.id && one.user === claim.user);
  }

  #of(connector: string): Claim[] {
    return this.#claims.filter((claim) => claim.connector === connector);
  }
}

function byBytes(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
