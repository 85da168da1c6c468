/** A user who is online, or not. */
export interface UserState {
  readonly user: string;
  /** 0: offline. */
  readonly sessions: number;
  /** Milliseconds since 1970; undefined while offline. */
  readonly onlineSinceMs: number | undefined;
}

/** A member of a channel. */
export interface MemberState {
  readonly user: string;
  readonly sessions: number;
}

/** Some of a sorted list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether there is more behind the last item. */
  readonly more: boolean;
  /** How long the whole list is. */
  readonly total: number;
}

/** One connector with a lease. */
export interface ConnectorState {
  readonly connector: string;
  /** Its claims, those in their grace too. */
  readonly sessions: number;
  readonly channels: number;
  readonly publicationsPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  /** On the clock that the roster is given. */
  readonly heardAtMs: number;
  /** Whether everything that it said is applied. */
  readonly synced: boolean;
}

/** Totals. */
export interface RosterStats {
  readonly onlineUsers: number;
  readonly websocketSessions: number;
  readonly pollSessions: number;
  readonly channels: number;
}
