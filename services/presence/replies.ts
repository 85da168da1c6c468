import type { Timestamp } from "../../gen/google/protobuf/timestamp.js";
import type { ConnectorStats, GetStatsResponse, ListChannelMembersResponse, UserPresence } from "../../gen/halley/v1/presence.js";
import type { Clock } from "../../lib/clock.js";
import { pageTokenAfter, type PageRequest } from "./requests.js";
import type { Roster } from "./roster/roster.js";
import type { UserState } from "./roster/views.js";

/** A moment as the wire has it. */
export function timestampOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

/** A user as the wire has them; `lastSeenMs` counts only while they are offline: online it is `nowMs`. */
export function userPresenceOf({ user, sessions, onlineSinceMs }: UserState, nowMs: number, lastSeenMs: number | undefined): UserPresence {
  const online = sessions > 0;
  const seenMs = online ? nowMs : lastSeenMs;
  return {
    userId: user,
    online,
    sessions,
    onlineSince: onlineSinceMs === undefined ? undefined : timestampOf(onlineSinceMs),
    lastSeen: seenMs === undefined ? undefined : timestampOf(seenMs),
  };
}

/** A page of a channel's members. */
export function membersOf(roster: Roster, channel: string, { after, limit }: PageRequest, nowMs: number): ListChannelMembersResponse {
  const { items, more, total, sessions } = roster.members(channel, after, limit);
  const members = items.map((member) => ({ userId: member.user, sessions: member.sessions }));
  const nextPageToken = more ? pageTokenAfter(items.at(-1)?.user ?? "") : "";
  return { members, nextPageToken, total, sessions, asOf: timestampOf(nowMs) };
}

/** The statistics of now. */
export function statsOf(roster: Roster, clock: Clock): GetStatsResponse {
  const { onlineUsers, websocketSessions, pollSessions, channels } = roster.stats();
  const nowMs = clock.nowMs();
  const connectors = roster.connectors().map(({ connector, sessions, channels: subscribed, startedMs, heardAtMs, ...rates }): ConnectorStats => ({
    connector,
    sessions,
    channels: subscribed,
    publicationsPerSecond: rates.publicationsPerSecond,
    deliveriesPerSecond: rates.deliveriesPerSecond,
    startedAt: timestampOf(startedMs),
    // The roster's times are those of a clock that does not jump.
    heardAt: timestampOf(nowMs - (clock.monotonicMs() - heardAtMs)),
  }));
  return {
    onlineUsers,
    sessions: websocketSessions + pollSessions,
    sessionsByTransport: { websocket: websocketSessions, poll: pollSessions },
    channels,
    publicationsPerSecond: connectors.reduce((sum, one) => sum + one.publicationsPerSecond, 0),
    deliveriesPerSecond: connectors.reduce((sum, one) => sum + one.deliveriesPerSecond, 0),
    connectors,
    asOf: timestampOf(nowMs),
  };
}
