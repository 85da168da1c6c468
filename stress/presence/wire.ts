/** What the presence service answers, as a stranger's client reads it. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface User {
  readonly user_id: string;
  readonly online: boolean;
  readonly sessions: number;
  readonly online_since: Timestamp | null;
  readonly last_seen: Timestamp | null;
}

export interface UsersPage {
  readonly users: readonly User[];
  readonly next_page_token: string;
  readonly total: number;
}

export interface MembersPage {
  readonly members: readonly { readonly user_id: string; readonly sessions: number }[];
  readonly next_page_token: string;
  readonly sessions: number;
}

export interface Counts {
  readonly channels: readonly { readonly channel: string; readonly sessions: number }[];
}

export interface Stats {
  readonly online_users: number;
  readonly sessions: number;
  readonly sessions_by_transport: Readonly<Record<string, number>>;
  readonly connectors: readonly { readonly connector: string; readonly sessions: number }[];
}

export interface WatchEvent {
  readonly event: "current" | "synced" | "joined" | "left";
  readonly current?: User;
  readonly joined?: User;
  readonly left?: User;
  readonly as_of: Timestamp;
}

/** Milliseconds since 1970. */
export function msOf({ seconds, nanos }: Timestamp): number {
  return seconds * 1_000 + nanos / 1_000_000;
}
