import { type SessionChange, type SubscriberCount, Transport } from "../../../gen/halley/v1/heartbeat.js";
import { namespaceOf, USER_NAMESPACE } from "../../../lib/channel/channelName.js";
import { SmallMap } from "../../../lib/smallMap.js";
import type { Grace } from "../session/presenceSink.js";

/** A session that is at this connector now. */
export interface OpenedSession {
  /** The 16 random bytes of the session. */
  readonly id: Uint8Array;
  readonly user: string;
  readonly transport: "websocket" | "poll";
  /** When it was first opened here, milliseconds since 1970. */
  readonly sinceMs: number;
}

/** Changes that fit into one message. */
export interface Piece {
  readonly changes: SessionChange[];
  readonly counts: SubscriberCount[];
}

/** A session as it is kept: there are as many of these as connections. */
interface Session extends Omit<OpenedSession, "id"> {
  /** Its 16 bytes, each a character. */
  readonly key: string;
  /** Of namespaces with presence on. */
  readonly channels: SmallMap<string, true>;
}

/** What is to be told of one session. */
interface Pending {
  readonly session: Session;
  /** Tell all of it: user, transport, channels. */
  opened: boolean;
  /** Then tell that it is gone, with this grace. */
  closed: Grace | undefined;
  /** Otherwise tell these channels: subscribed (true) or not. */
  readonly channels: Map<string, boolean>;
}

/** Channels told with a session; further ones follow one by one, so that no change is large. */
const CHANNELS_WITH_OPENED = 64;
const ID_BYTES = 16;
/**
 * A goodbye counts after this time: the user may have come to another connector just before, whose word of it is gathered for 100 ms and
 * travels another way.
 */
export const LEAST_GRACE_MS = 250;

/**
 * The sessions and subscriber counts of a connector, and what of them has not been told so far. Only the net state is kept:
 * a session that came and went many times between two messages costs one entry.
 */
export class Ledger {
  readonly #sessions = new Map<string, Session>();
  readonly #counts = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();
  readonly #changedCounts = new Set<string>();

  /** Entries that have not been told. */
  get pending(): number {
    return this.#pending.size + this.#changedCounts.size;
  }

  /** How many sessions are here. */
  get size(): number {
    return this.#sessions.size;
  }

  /** A session is here, on a new connection: it has no channels so far, also when it was here before. */
  open({ id, user, transport, sinceMs }: OpenedSession): void {
    if (id.length !== ID_BYTES) throw new Error(`a session id has ${String(ID_BYTES)} bytes, not ${String(id.length)}`);
    const key = keyOf(id);
    const session: Session = { key, user, transport, sinceMs, channels: new SmallMap() };
    this.#sessions.set(key, session);
    this.#pending.set(key, { session, opened: true, closed: undefined, channels: new Map() });
  }

  /** A session is not here any more; one that is not here changes nothing. */
  close(id: Uint8Array, grace: Grace): void {
    const key = keyOf(id);
    const session = this.#sessions.get(key);
    if (!session) return;
    this.#sessions.delete(key);
    // Who came and went between two heartbeats is told, too: other connectors may have given the session a longer grace.
    this.#pendingOf(key, session).closed = grace;
  }

  /** The session subscribed to a channel with presence on, or unsubscribed. */
  setMember(id: Uint8Array, channel: string, member: boolean): void {
    const key = keyOf(id);
    const session = this.#sessions.get(key);
    if (!session || session.channels.has(channel) === member) return;
    if (member) session.channels.set(channel, true);
    else session.channels.delete(channel);
    const pending = this.#pendingOf(key, session);
    if (!pending.opened) pending.channels.set(channel, member);
  }

  /** How many sessions are subscribed to a channel here. Inboxes are not kept: their number is that of the user's sessions. */
  setCount(channel: string, sessions: number): void {
    if (namespaceOf(channel) === USER_NAMESPACE || (this.#counts.get(channel) ?? 0) === sessions) return;
    if (sessions === 0) this.#counts.delete(channel);
    else this.#counts.set(channel, sessions);
    this.#changedCounts.add(channel);
  }

  /** Forgets what has not been told: a snapshot will tell it. */
  dropPending(): void {
    this.#pending.clear();
    this.#changedCounts.clear();
  }

  /** Everything that has not been told, in pieces of at most about `maxBytes` each on the wire. */
  takePending(maxBytes: number): Piece[] {
    const pending = [...this.#pending.values()];
    const counts = [...this.#changedCounts].map((channel) => ({ channel, sessions: this.#counts.get(channel) ?? 0 }));
    this.dropPending();
    return [...pieces(changesOf(pending), counts, maxBytes)];
  }

  /**
   * Everything, in pieces of at most about `maxBytes` each. What changes while it is read is in it or not; it is pending
   * too, and as each change sets a state, telling it again is right.
   */
  all(maxBytes: number): Generator<Piece> {
    return pieces(this.#allSessions(), this.#allCounts(), maxBytes);
  }

  *#allSessions(): Generator<SessionChange> {
    for (const session of this.#sessions.values()) yield* openedChanges(session);
  }

  *#allCounts(): Generator<SubscriberCount> {
    for (const [channel, sessions] of this.#counts) yield { channel, sessions };
  }

  #pendingOf(key: string, session: Session): Pending {
    const known = this.#pending.get(key);
    if (known) return known;
    const made: Pending = { session, opened: false, closed: undefined, channels: new Map() };
    this.#pending.set(key, made);
    return made;
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("latin1");
}

function idOf({ key }: Session): Buffer {
  return Buffer.from(key, "latin1");
}

function* changesOf(pending: readonly Pending[]): Generator<SessionChange> {
  for (const { session, opened, closed, channels } of pending) {
    const id = idOf(session);
    if (opened) yield* openedChanges(session);
    if (closed !== undefined) {
      const over = closed === "over";
      yield { session: id, change: { $case: "closed", value: { graceMs: over ? LEAST_GRACE_MS : Math.max(closed, LEAST_GRACE_MS), over } } };
      continue;
    }
    for (const [channel, member] of channels) yield { session: id, change: { $case: member ? "joined" : "left", value: channel } };
  }
}

function* openedChanges(opened: Session): Generator<SessionChange> {
  const { user, transport, sinceMs } = opened;
  const session = idOf(opened);
  const all = [...opened.channels].map(([channel]) => channel);
  const wire = transport === "websocket" ? Transport.TRANSPORT_WEBSOCKET : Transport.TRANSPORT_POLL;
  const first = all.slice(0, CHANNELS_WITH_OPENED);
  yield { session, change: { $case: "opened", value: { user, transport: wire, sinceMs, channels: first } } };
  for (const channel of all.slice(CHANNELS_WITH_OPENED)) yield { session, change: { $case: "joined", value: channel } };
}

function* pieces(changes: Iterable<SessionChange>, counts: Iterable<SubscriberCount>, maxBytes: number): Generator<Piece> {
  let piece: Piece = { changes: [], counts: [] };
  let bytes = 0;
  for (const [size, add] of partsOf(changes, counts)) {
    if (bytes > 0 && bytes + size > maxBytes) {
      yield piece;
      piece = { changes: [], counts: [] };
      bytes = 0;
    }
    add(piece);
    bytes += size;
  }
  if (bytes > 0) yield piece;
}

/** What pieces are made of: how large it is, and how it gets into one. */
function* partsOf(changes: Iterable<SessionChange>, counts: Iterable<SubscriberCount>): Generator<readonly [number, (piece: Piece) => void]> {
  for (const change of changes) yield [sizeOfChange(change), (piece) => { piece.changes.push(change); }];
  for (const count of counts) yield [textBytes(count.channel) + 16, (piece) => { piece.counts.push(count); }];
}

/** On the wire, at most. */
function sizeOfChange({ change }: SessionChange): number {
  const fixed = 64;
  if (change?.$case === "opened") {
    return change.value.channels.reduce((sum, channel) => sum + textBytes(channel), fixed + textBytes(change.value.user));
  }
  return change?.$case === "joined" || change?.$case === "left" ? fixed + textBytes(change.value) : fixed;
}

/** A UTF-16 unit is at most 3 bytes of UTF-8; tag and length take up to 4. */
function textBytes(text: string): number {
  return text.length * 3 + 4;
}
