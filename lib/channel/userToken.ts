const PLAIN = /^[A-Za-z0-9_-]+$/;

/** The longest user id, in bytes of UTF-8. */
export const MAX_USER_ID_BYTES = 128;

/** Says what is wrong with a user id, or undefined when it can be used. */
export function userIdFault(userId: string): string | undefined {
  if (userId === "") return "must not be empty";
  if (!userId.isWellFormed()) return "must be well-formed Unicode";
  const bytes = Buffer.byteLength(userId);
  return bytes > MAX_USER_ID_BYTES ? `is ${String(bytes)} bytes, at most ${String(MAX_USER_ID_BYTES)} are allowed` : undefined;
}

/**
 * The channel token of a user id: `[A-Za-z0-9_-]+` as it is, anything else `=` and its base64url, so that ids with dots,
 * spaces and wildcards fit into one token of a subject. `a.b` -> `=YS5i`.
 */
export function encodeUserToken(userId: string): string {
  return PLAIN.test(userId) ? userId : `=${Buffer.from(userId, "utf8").toString("base64url")}`;
}

/** The user id behind a token, or undefined where no id encodes to this token (so each id has exactly one). */
export function decodeUserToken(token: string): string | undefined {
  if (PLAIN.test(token)) return token;
  if (!token.startsWith("=")) return undefined;
  const userId = Buffer.from(token.slice(1), "base64url").toString("utf8");
  return userIdFault(userId) === undefined && encodeUserToken(userId) === token ? userId : undefined;
}
