import { channelFault } from "../../lib/channel/channelName.js";
import { userIdFault } from "../../lib/channel/userToken.js";
import type { Namespaces } from "../../lib/config/namespaces.js";
import { RpcError, type Violation } from "../../lib/errors/rpcError.js";

/** The most names in one request, and entries on a page. */
export const MAX_PER_REQUEST = 1_000;
const DEFAULT_PAGE_SIZE = 100;
const MIN_INTERVAL_MS = 200;
const MAX_INTERVAL_MS = 60_000;
const DEFAULT_INTERVAL_MS = 1_000;

/** Which part of a list is wanted. */
export interface PageRequest {
  /** Behind this id; undefined: from the beginning. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** Throws INVALID_REQUEST with all violations, if there are any. */
export function assertValid(violations: readonly Violation[]): void {
  if (violations.length > 0) throw RpcError.invalid(violations);
}

/** What is wrong with a list of user ids. */
export function userIdViolations(userIds: readonly string[], { mayBeEmpty }: { readonly mayBeEmpty: boolean }): Violation[] {
  return listViolations("user_ids", userIds, mayBeEmpty, userIdFault);
}

/** What is wrong with a list of channels. */
export function channelViolations(channels: readonly string[]): Violation[] {
  return listViolations("channels", channels, false, channelFault);
}

/** What is wrong with a channel. */
export function channelViolation(channel: string): Violation[] {
  const description = channelFault(channel);
  return description === undefined ? [] : [{ field: "channel", description }];
}

/** Throws UNKNOWN_NAMESPACE, or PRESENCE_OFF where member lists are not kept. The channel must be valid. */
export function assertPresenceOn(channel: string, namespaces: Namespaces): void {
  const namespace = assertNamespace(channel, namespaces);
  if (!namespace.presence) throw new RpcError("PRESENCE_OFF", `the namespace '${namespace.name}' keeps no member lists`);
}

/** The namespace of a valid channel. Throws UNKNOWN_NAMESPACE. */
export function assertNamespace(channel: string, namespaces: Namespaces): NonNullable<ReturnType<Namespaces["ofChannel"]>> {
  const namespace = namespaces.ofChannel(channel);
  if (!namespace) throw new RpcError("UNKNOWN_NAMESPACE", `the channel '${channel}' is in no configured namespace`);
  return namespace;
}

/** Reads size and token of a page; adds to `violations` what is wrong with them. */
export function readPageRequest(pageSize: number, pageToken: string, violations: Violation[]): PageRequest {
  if (pageSize > MAX_PER_REQUEST) violations.push({ field: "page_size", description: `is ${String(pageSize)}, at most ${String(MAX_PER_REQUEST)} are allowed` });
  const after = pageToken === "" ? undefined : readPageToken(pageToken);
  if (after === "") violations.push({ field: "page_token", description: "is no next_page_token of this server" });
  return { after, limit: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize };
}

/** The token of the page behind a user id. */
export function pageTokenAfter(userId: string): string {
  return Buffer.from(userId, "utf8").toString("base64url");
}

/** Reads the interval of a stream of statistics. Throws INVALID_REQUEST. */
export function readIntervalMs(intervalMs: number): number {
  if (intervalMs === 0) return DEFAULT_INTERVAL_MS;
  if (intervalMs >= MIN_INTERVAL_MS && intervalMs <= MAX_INTERVAL_MS) return intervalMs;
  const description = `is ${String(intervalMs)}, ${String(MIN_INTERVAL_MS)} to ${String(MAX_INTERVAL_MS)} are allowed`;
  throw RpcError.invalid([{ field: "interval_ms", description }]);
}

/** The user id in a token; "" where it holds none. */
function readPageToken(token: string): string {
  const userId = Buffer.from(token, "base64url").toString("utf8");
  return userIdFault(userId) === undefined && pageTokenAfter(userId) === token ? userId : "";
}

function listViolations(field: string, names: readonly string[], mayBeEmpty: boolean, faultOf: (name: string) => string | undefined): Violation[] {
  if (names.length === 0 && !mayBeEmpty) return [{ field, description: "must not be empty" }];
  if (names.length > MAX_PER_REQUEST) return [{ field, description: `are ${String(names.length)}, at most ${String(MAX_PER_REQUEST)} are allowed` }];
  return names.flatMap((name, at) => {
    const description = faultOf(name);
    return description === undefined ? [] : [{ field: `${field}[${String(at)}]`, description }];
  });
}
