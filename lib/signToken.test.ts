import { jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { signToken } from "./signToken.js";

describe("signToken", () => {
  it("signs for a user, from now on, and says when that ends", async () => {
    const nowMs = Date.now();
    const secret = "a secret of thirty-two characters";
    const { token, expiresAtMs } = await signToken(secret, { userId: "auth0|a b", nowMs, lifetimeMs: 60_500 });
    const { payload, protectedHeader } = await jwtVerify(token, new TextEncoder().encode(secret));
    const issuedAt = Math.floor(nowMs / 1_000);
    expect(protectedHeader).toEqual({ alg: "HS256", typ: "JWT" });
    expect(payload).toEqual({ sub: "auth0|a b", iat: issuedAt, exp: issuedAt + 60 });
    expect(expiresAtMs).toBe((issuedAt + 60) * 1_000);
  });
});
