import { type Heartbeat, type SessionChange, type SessionOpened, Transport } from "../../gen/halley/v1/heartbeat.js";
import type { Snapshot } from "../../services/presence/roster/roster.js";

/** The 16 bytes of session number `n`. */
export function sessionId(n: number): Buffer {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(n, 12);
  return id;
}

/** Session `n` of a user is there. */
export function opened(n: number, user: string, { transport, sinceMs = 1_000, channels = [] }: Partial<SessionOpened> = {}): SessionChange {
  return { session: sessionId(n), change: { $case: "opened", value: { user, transport: transport ?? Transport.TRANSPORT_WEBSOCKET, sinceMs, channels } } };
}

/** Session `n` is gone. */
export function closed(n: number, graceMs = 0): SessionChange {
  return { session: sessionId(n), change: { $case: "closed", value: { graceMs, over: false } } };
}

/** Session `n` is over for good. */
export function over(n: number, graceMs = 250): SessionChange {
  return { session: sessionId(n), change: { $case: "closed", value: { graceMs, over: true } } };
}

/** Session `n` subscribed. */
export function joined(n: number, channel: string): SessionChange {
  return { session: sessionId(n), change: { $case: "joined", value: channel } };
}

/** Session `n` unsubscribed. */
export function left(n: number, channel: string): SessionChange {
  return { session: sessionId(n), change: { $case: "left", value: channel } };
}

/** A heartbeat of a process that is named by one letter. */
export function heartbeat(connector: string, number: number, changes: SessionChange[] = [], rest: Partial<Heartbeat> = {}): Heartbeat {
  const counters = { startedMs: 1, publications: 0, deliveries: 0 };
  return { connector, incarnation: incarnation("a"), number, changes, counts: [], counters, leaving: false, ...rest };
}

/** A snapshot of a process. */
export function snapshot(connector: string, number: number, sessions: SessionChange[] = [], rest: Partial<Snapshot> = {}): Snapshot {
  return { connector, incarnation: incarnation("a"), number, sessions, counts: [], counters: undefined, ...rest };
}

/** Eight bytes for a letter. */
export function incarnation(letter: string): Buffer {
  return Buffer.alloc(8, letter);
}
