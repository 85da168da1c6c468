import {
  type CountChannelsRequest,
  type CountChannelsResponse,
  type GetStatsResponse,
  type GetUsersRequest,
  type GetUsersResponse,
  type ListChannelMembersRequest,
  type ListChannelMembersResponse,
  type ListOnlineUsersRequest,
  type ListOnlineUsersResponse,
  PresenceServiceService,
  type WatchPresenceRequest,
  type WatchPresenceResponse,
  type WatchStatsRequest,
  type WatchStatsResponse,
} from "../../gen/halley/v1/presence.js";
import { EVERYONE_CHANNEL, inboxOwner } from "../../lib/channel/channelName.js";
import { type Clock, sleep } from "../../lib/clock.js";
import type { Namespaces } from "../../lib/config/namespaces.js";
import type { Violation } from "../../lib/errors/rpcError.js";
import type { CallContext } from "../../lib/rpc/callContext.js";
import { bindService, type RpcService } from "../../lib/rpc/rpcService.js";
import type { LastSeenLog } from "./lastSeenLog.js";
import { watchPresence } from "./presenceWatch.js";
import { membersOf, statsOf, timestampOf, userPresenceOf } from "./replies.js";
import {
  assertNamespace,
  assertPresenceOn,
  assertValid,
  channelViolation,
  channelViolations,
  pageTokenAfter,
  readIntervalMs,
  readPageRequest,
  userIdViolations,
} from "./requests.js";
import type { Roster } from "./roster/roster.js";
import type { Topic, Watchers } from "./watchers.js";

/** What is known of who is online. */
export interface Known {
  readonly roster: Roster;
  readonly lastSeen: LastSeenLog;
}

/** What the service answers from. */
export interface ServiceOptions {
  /** Throws NOT_READY while answers would not be whole. */
  readonly known: () => Known;
  readonly watchers: Watchers;
  readonly namespaces: Namespaces;
  readonly clock: Clock;
}

/** halley.v1.PresenceService over a roster: each method validates, asks, and shapes the reply. */
export function presenceService(options: ServiceOptions): RpcService {
  return bindService(PresenceServiceService, {
    getUsers: (request) => getUsers(options, request),
    listOnlineUsers: (request) => answer(() => listOnlineUsers(options, request)),
    listChannelMembers: (request) => answer(() => listChannelMembers(options, request)),
    countChannels: (request) => answer(() => countChannels(options, request)),
    getStats: () => answer(() => getStats(options)),
    watchPresence: (request, context) => watch(options, request, context),
    watchStats: (request, context) => watchStats(options, request, context),
  });
}

async function getUsers({ known, clock }: ServiceOptions, { userIds }: GetUsersRequest): Promise<GetUsersResponse> {
  assertValid(userIdViolations(userIds, { mayBeEmpty: false }));
  const { roster, lastSeen } = known();
  const nowMs = clock.nowMs();
  const states = roster.users(userIds);
  const offline = states.filter(({ sessions }) => sessions === 0).map(({ user }) => user);
  const seenMs = offline.length > 0 ? await lastSeen.read(offline) : new Map<string, number>();
  return { users: states.map((state) => userPresenceOf(state, nowMs, seenMs.get(state.user))), asOf: timestampOf(nowMs) };
}

function listOnlineUsers({ known, clock }: ServiceOptions, { pageSize, pageToken }: ListOnlineUsersRequest): ListOnlineUsersResponse {
  const violations: Violation[] = [];
  const { after, limit } = readPageRequest(pageSize, pageToken, violations);
  assertValid(violations);
  const nowMs = clock.nowMs();
  const { items, more, total } = known().roster.onlineUsers(after, limit);
  const users = items.map((state) => userPresenceOf(state, nowMs, undefined));
  return { users, nextPageToken: more ? pageTokenAfter(items.at(-1)?.user ?? "") : "", total, asOf: timestampOf(nowMs) };
}

function listChannelMembers({ known, clock, namespaces }: ServiceOptions, request: ListChannelMembersRequest): ListChannelMembersResponse {
  const violations = channelViolation(request.channel);
  const page = readPageRequest(request.pageSize, request.pageToken, violations);
  assertValid(violations);
  assertPresenceOn(request.channel, namespaces);
  return membersOf(known().roster, request.channel, page, clock.nowMs());
}

function countChannels({ known, clock, namespaces }: ServiceOptions, { channels }: CountChannelsRequest): CountChannelsResponse {
  assertValid(channelViolations(channels));
  for (const channel of channels) assertNamespace(channel, namespaces);
  const { roster } = known();
  return { channels: channels.map((channel) => ({ channel, sessions: countOf(roster, channel) })), asOf: timestampOf(clock.nowMs()) };
}

/** Every session has its user's inbox and the channel of everyone, so connectors need not count these. */
function countOf(roster: Roster, channel: string): number {
  const owner = inboxOwner(channel);
  if (owner !== undefined) return roster.user(owner).sessions;
  const { websocketSessions, pollSessions } = roster.stats();
  return channel === EVERYONE_CHANNEL ? websocketSessions + pollSessions : roster.subscribers(channel);
}

function getStats({ known, clock }: ServiceOptions): GetStatsResponse {
  return statsOf(known().roster, clock);
}

async function* watch(options: ServiceOptions, request: WatchPresenceRequest, { signal }: CallContext): AsyncGenerator<readonly WatchPresenceResponse[]> {
  const { known, watchers, clock, namespaces } = options;
  const topic = readTopic(request);
  if ("channel" in topic) assertPresenceOn(topic.channel, namespaces);
  yield* watchPresence({ roster: known().roster, watchers, clock }, topic, signal);
}

function readTopic({ userIds, channel }: WatchPresenceRequest): Topic {
  const violations = userIdViolations(userIds, { mayBeEmpty: true });
  if (channel !== "") violations.push(...channelViolation(channel));
  if (channel !== "" && userIds.length > 0) violations.push({ field: "channel", description: "can't be combined with user_ids: watch one of them" });
  assertValid(violations);
  if (channel !== "") return { channel };
  return userIds.length > 0 ? { users: [...new Set(userIds)] } : { everyone: true };
}

async function* watchStats(options: ServiceOptions, request: WatchStatsRequest, { signal }: CallContext): AsyncGenerator<readonly WatchStatsResponse[]> {
  const intervalMs = readIntervalMs(request.intervalMs);
  for (;;) {
    yield [{ stats: getStats(options) }];
    await sleep(options.clock, intervalMs, signal);
  }
}

/** The answer of a handler that needs no waiting. */
function answer<T>(give: () => T): Promise<T> {
  return new Promise((resolve) => { resolve(give()); });
}
