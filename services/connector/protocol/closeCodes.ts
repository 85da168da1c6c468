/** Why a connector ends a connection; 3000-3499 come back, 3500-3999 don't. The numbers are part of the protocol. */
export const CLOSE = {
  draining: { code: 3000, reason: "draining", reconnect: true },
  tooSlow: { code: 3001, reason: "too slow", reconnect: true },
  noPong: { code: 3002, reason: "no answer to pings", reconnect: true },
  overloaded: { code: 3003, reason: "overloaded", reconnect: true },
  signInLate: { code: 3004, reason: "not signed in in time", reconnect: true },
  fault: { code: 3005, reason: "a fault in the connector", reconnect: true },
  tokenExpired: { code: 3101, reason: "token expired", reconnect: true },
  replaced: { code: 3500, reason: "replaced by a newer connection of the session", reconnect: false },
  badToken: { code: 3501, reason: "bad token", reconnect: false },
  notAllowed: { code: 3502, reason: "not allowed", reconnect: false },
  protocolViolated: { code: 3503, reason: "protocol violated", reconnect: false },
  limitAbused: { code: 3504, reason: "a limit abused", reconnect: false },
} as const satisfies Record<string, Close>;

/** One way to end a connection. */
export interface Close {
  readonly code: number;
  readonly reason: string;
  /** Whether the client should come back. */
  readonly reconnect: boolean;
}
