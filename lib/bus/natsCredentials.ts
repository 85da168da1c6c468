/** What a connection to NATS signs in with. */
export type NatsCredentials = { readonly user: string; readonly pass: string } | { readonly token: string } | Record<string, never>;

/**
 * The user and password of `nats://user:password@host`, or the token of `nats://token@host`, decoded; nothing where no server has them.
 * The `nats` package takes them apart from the servers, one for all: throws a sentence where servers have different ones.
 */
export function credentialsOf(servers: readonly string[]): NatsCredentials {
  const named = servers.map((server) => /^(?:[a-z]+:\/\/)?([^@/]*)@/.exec(server)?.[1]).filter((text) => text !== undefined);
  const [first] = named;
  if (first === undefined) return {};
  if (named.some((other) => other !== first)) throw new Error("HALLEY_NATS_URL names servers with different users: one user signs in to all of them");
  const [user = "", pass] = first.split(/:(.*)/s).map((part) => decodeURIComponent(part));
  return pass === undefined ? { token: user } : { user, pass };
}

/** A server without what stands before its host. */
export function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)?[^@/]*@/, "$1");
}
