import { ListChannelMembersRequest, ListChannelMembersResponse } from "../../../gen/halley/v1/presence.js";
import type { Bus } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";

/** Who is in a channel. */
export interface ChannelMembers {
  /** User ids, sorted by UTF-8 bytes; the first thousand. */
  readonly users: readonly string[];
  readonly sessions: number;
}

/** The most users that a browser is told. */
const PAGE_SIZE = 1_000;
const TIMEOUT_MS = 2_000;

/** Asks presence, over NATS, who is in a channel. Throws NATS_UNAVAILABLE while no replica is ready. */
export async function queryMembers(bus: Bus, channel: string): Promise<ChannelMembers> {
  const request = ListChannelMembersRequest.encode({ channel, pageSize: PAGE_SIZE, pageToken: "" }).finish();
  const answer = await bus.request(subjects.members, request, TIMEOUT_MS);
  const { members, sessions } = ListChannelMembersResponse.decode(answer.data);
  return { users: members.map(({ userId }) => userId), sessions };
}
