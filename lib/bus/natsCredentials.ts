/** Scheme, and what stands before the last @: whoever leaves a / or @ in a password as it is must not find it in a log. */
const BEFORE_HOST = /^([a-z]+:\/\/)?(.*)@/s;

/** What a connection to NATS signs in with. */
export type NatsCredentials = { readonly user: string; readonly pass: string } | { readonly token: string } | Record<string, never>;

/**
 * The user and password of `nats://user:password@host`, or the token of `nats://token@host`, decoded; nothing where no server has them.
 * The `nats` package takes them apart from the servers, one for all: throws a sentence where servers have different ones.
 */
export function credentialsOf(servers: readonly string[]): NatsCredentials {
  const named = servers.map((server) => BEFORE_HOST.exec(server)?.[2]).filter((text) => text !== undefined);
  const [first] = named;
  if (first === undefined) return {};
  if (named.some((other) => other !== first)) throw new Error("HALLEY_NATS_URL names servers with different users: one user signs in to all of them");
  const [user = "", pass] = first.split(/:(.*)/s).map(decoded);
  return pass === undefined ? { token: user } : { user, pass };
}

/** A server without what stands before its host; with `***@` in its place where that is to be seen. */
export function withoutCredentials(server: string, instead = ""): string {
  return server.replace(BEFORE_HOST, `$1${instead}`);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error("HALLEY_NATS_URL has a % in a user or password that begins no escape: write %25 for it");
  }
}
