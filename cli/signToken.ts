import { SignJWT } from "jose";

/** Signs a JWT (HS256) that lets `userId` in for `lifetimeMs` from now. */
export function signToken(userId: string, secret: string, lifetimeMs: number): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(userId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.floor(lifetimeMs / 1_000))
    .sign(new TextEncoder().encode(secret));
}
