import { decodeUserToken, encodeUserToken } from "./userToken.js";

/** The longest channel name, in bytes of UTF-8. */
export const MAX_CHANNEL_BYTES = 255;

/** The namespace of inboxes: `user.<token>` is read by that user only. */
export const USER_NAMESPACE = "user";
/** The channel, and namespace, of everyone. */
export const EVERYONE_CHANNEL = "all";
/** The namespace in which Halley speaks of itself. */
export const SYSTEM_NAMESPACE = "sys";
/** Statistics once a second. */
export const STATS_CHANNEL = "sys.stats";

/** What most channels look like, and has no fault: told without looking at each token. Inboxes are looked at. */
const USUAL = /^(?!user(?:\.|$))[a-z][a-z0-9_-]*(?:\.[A-Za-z0-9_=-]+)*$/;
const NAMESPACE = /^[a-z][a-z0-9_-]*$/;
// Printable UTF-8 without what NATS gives a meaning: space, `*`, `>`. Unassigned code points (Cn) are allowed: which are
// assigned depends on the Unicode version of the reader.
const NOT_IN_TOKEN = /[\s*>\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Zs}]/u;

/** Says what is wrong with a namespace's name, or undefined. */
export function namespaceFault(name: string): string | undefined {
  return NAMESPACE.test(name) ? undefined : "must begin with a-z and go on with a-z, 0-9, _ or -";
}

/**
 * Says what is wrong with a channel name, or undefined when it is one: dot-separated tokens of printable characters
 * without space, `*` and `>`, at most 255 bytes, a namespace first, no token that begins with `$`; in the `user`
 * namespace exactly `user.<token of a user id>`.
 */
export function channelFault(channel: string): string | undefined {
  if (channel.length <= MAX_CHANNEL_BYTES && USUAL.test(channel)) return undefined;
  if (channel === "") return "must not be empty";
  const bytes = Buffer.byteLength(channel);
  if (bytes > MAX_CHANNEL_BYTES) return `is ${String(bytes)} bytes, at most ${String(MAX_CHANNEL_BYTES)} are allowed`;
  if (NOT_IN_TOKEN.test(channel)) return "must not hold spaces, control characters, '*' or '>'";
  const tokens = channel.split(".");
  if (tokens.includes("")) return "must not hold empty tokens (a dot at an end, or two in a row)";
  if (tokens.some((token) => token.startsWith("$"))) return "must not hold tokens that begin with '$': they are reserved";
  const namespace = tokens[0] ?? "";
  if (namespaceFault(namespace) !== undefined) return "must begin with a namespace: a-z, then a-z, 0-9, _ or -";
  if (namespace === USER_NAMESPACE && (tokens.length !== 2 || decodeUserToken(tokens[1] ?? "") === undefined)) {
    return "must be 'user.' and the token of a user id";
  }
  return undefined;
}

/** The first token of a channel name. */
export function namespaceOf(channel: string): string {
  const dot = channel.indexOf(".");
  return dot === -1 ? channel : channel.slice(0, dot);
}

/** The inbox of a user: `user.42`, `user.=YS5i`. */
export function inboxOf(userId: string): string {
  return `${USER_NAMESPACE}.${encodeUserToken(userId)}`;
}

/** Whose inbox a channel is, or undefined when it is none. */
export function inboxOwner(channel: string): string | undefined {
  return namespaceOf(channel) === USER_NAMESPACE ? decodeUserToken(channel.slice(USER_NAMESPACE.length + 1)) : undefined;
}
