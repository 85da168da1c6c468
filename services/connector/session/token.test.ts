import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import { TokenVerifier } from "./token.js";

const SECRET = "a secret for tests only, long enough for HS256";
const HOUR_S = 3_600;
const nowS = Math.floor(Date.now() / 1_000);
const verifier = new TokenVerifier(SECRET);

const sign = (claims: Record<string, unknown>, { secret = SECRET, alg = "HS256" } = {}): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));

describe("token", () => {
  it("says who is signed in and until when", async () => {
    expect(await verifier.verify(await sign({ sub: "auth0|a.b", exp: nowS + HOUR_S }))).toEqual({ userId: "auth0|a.b", expiresAtMs: (nowS + HOUR_S) * 1_000 });
    expect(await verifier.verify(await sign({ sub: "1" }))).toEqual({ userId: "1", expiresAtMs: undefined });
  });

  it.each([
    ["a fraction", nowS + HOUR_S + 0.0001, (nowS + HOUR_S) * 1_000],
    ["milliseconds taken for seconds", (nowS + HOUR_S) * 1_000, undefined],
    ["nothing that a date can say", 1e300, undefined],
    ["the last second that RFC 3339 can write", 253_402_300_799, 253_402_300_799_000],
  ])("expires at a whole millisecond, or never: %s", async (_name, exp, expiresAtMs) => {
    expect((await verifier.verify(await sign({ sub: "1", exp }))).expiresAtMs).toBe(expiresAtMs);
  });

  it.each<readonly [string, unknown, string]>([
    ["missing", undefined, "the token's sub, the user id, is missing"],
    ["empty", "", "the token's sub, the user id, must not be empty"],
    ["a number", 42, 'the token\'s sub, the user id, must be a string ("42", not 42)'],
    ["null", null, 'the token\'s sub, the user id, must be a string ("42", not 42)'],
  ])("says what is wrong with its user: %s", async (_name, sub, message) => {
    await expect(verifier.verify(await sign({ sub }))).rejects.toMatchObject({ reason: "TOKEN_REFUSED", message });
  });

  it("is expired", async () => {
    await expect(verifier.verify(await sign({ sub: "1", exp: nowS - 1 }))).rejects.toMatchObject({ reason: "TOKEN_EXPIRED", retryable: true });
  });

  it.each<readonly [string, () => Promise<string> | string]>([
    ["empty", () => ""],
    ["no JWT", () => "x.y.z"],
    ["signed with another secret", () => sign({ sub: "1" }, { secret: `${SECRET}.` })],
    ["signed with another algorithm", () => sign({ sub: "1" }, { alg: "HS512" })],
    ["not signed", () => new UnsecuredJWT({ sub: "1" }).encode()],
    ["without a user", () => sign({})],
    ["with an empty user", () => sign({ sub: "" })],
    ["with a user too long", () => sign({ sub: "x".repeat(129) })],
    ["not valid yet", () => sign({ sub: "1", nbf: nowS + HOUR_S })],
    ["with an expiry that is no number", () => sign({ sub: "1", exp: "tomorrow" })],
  ])("is refused, and not repeated in the sentence: %s", async (_name, make) => {
    const token = await make();
    const refused = verifier.verify(token);
    await expect(refused).rejects.toMatchObject({ reason: "TOKEN_REFUSED" });
    if (token !== "") await expect(refused).rejects.not.toThrow(token);
  });
});
