/**
 * What `halley dev` uses where nothing is set, and what the client commands try. Known to everyone, so they protect nothing:
 * services that are started alone want their own.
 */
export const DEVELOPMENT_VALUES = {
  HALLEY_JWT_SECRET: "halley-development-secret-known-to-everyone",
  HALLEY_API_KEYS: "halley-development-key",
} as const;

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
