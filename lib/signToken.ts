import { SignJWT } from "jose";

/** Whom a token lets in, from when, and for how long. */
export interface TokenClaims {
  readonly userId: string;
  /** Wall-clock time, in milliseconds since 1970. */
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

/** A token, and when it ends. */
export interface SignedToken {
  readonly token: string;
  /** In milliseconds since 1970; whole seconds, as the token says it. */
  readonly expiresAtMs: number;
}

/** Signs a JWT as connectors take it: HS256, `sub` is the user id. Times are cut to whole seconds. */
export async function signToken(secret: string, { userId, nowMs, lifetimeMs }: TokenClaims): Promise<SignedToken> {
  const issuedAt = Math.floor(nowMs / 1_000);
  const expiresAt = issuedAt + Math.floor(lifetimeMs / 1_000);
  const unsigned = new SignJWT().setProtectedHeader({ alg: "HS256", typ: "JWT" }).setSubject(userId).setIssuedAt(issuedAt).setExpirationTime(expiresAt);
  return { token: await unsigned.sign(new TextEncoder().encode(secret)), expiresAtMs: expiresAt * 1_000 };
}
