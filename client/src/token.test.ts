import { describe, expect, it } from "vitest";
import { FakeClock } from "../test/fakeClock.js";
import { tokenFor } from "../test/scene.js";
import { TokenSource, userOf } from "./token.js";
import { base64url } from "./userToken.js";

async function dueInMs(times: { iat?: number; exp?: number }, clock = new FakeClock()): Promise<number | undefined> {
  const source = new TokenSource(() => tokenFor("ada", times), clock);
  await source.get();
  return source.refreshInMs();
}

describe("token source", () => {
  const now = Math.floor(new FakeClock().nowMs() / 1_000);

  it("refreshes at four fifths of what is surely left, whatever the clock here says", async () => {
    expect(await dueInMs({ iat: now, exp: now + 101 })).toBe(80_000);
    expect(await dueInMs({ iat: now - 9_000, exp: now - 9_000 + 101 })).toBe(80_000);
  });

  it("goes by the clock where the token doesn't say when it was issued, and never in a storm", async () => {
    expect(await dueInMs({ exp: now + 100 })).toBe(80_000);
    expect(await dueInMs({ exp: now - 100 })).toBe(24_000);
  });

  it("never refreshes what does not expire, and looks again daily at what lives for months", async () => {
    expect(await dueInMs({})).toBeUndefined();
    expect(await dueInMs({ iat: now, exp: now + 90 * 86_400 })).toBe(86_400_000);
  });

  it("asks for a token once, until that is due or forgotten", async () => {
    const clock = new FakeClock();
    let asked = 0;
    const source = new TokenSource(() => tokenFor(`ada${String(++asked)}`, { iat: now, exp: now + 101 }), clock);
    await source.get();
    await source.get();
    expect(asked).toBe(1);
    source.forget();
    await source.get();
    await clock.advance(80_000);
    await source.get();
    expect(asked).toBe(3);
  });

  it("lets a due token serve as long as it lives, and not longer, where no new one can be had", async () => {
    const clock = new FakeClock();
    let given: string | undefined = tokenFor("ada", { iat: now, exp: now + 101 });
    const source = new TokenSource(() => given ?? Promise.reject(new Error("backend away")), clock);
    const token = await source.get();
    given = undefined;
    await clock.advance(99_000);
    expect(await source.get()).toBe(token);
    await clock.advance(1_000);
    await expect(source.get()).rejects.toMatchObject({ reason: "TOKEN_UNAVAILABLE" });
  });

  it("can't renew a string", async () => {
    const source = new TokenSource(tokenFor("ada", { iat: now, exp: now + 1 }), new FakeClock());
    expect(source.renewable).toBe(false);
    await source.get();
    expect(source.refreshInMs()).toBeUndefined();
  });
});

describe("userOf", () => {
  it("reads the user id that a token claims, in any alphabet, and nothing from anything else", () => {
    const claims = base64url(new TextEncoder().encode('{"sub":"Ünïcødé ✓"}'));
    expect(userOf(`x.${claims}.y`)).toBe("Ünïcødé ✓");
    expect(["", "x", "x.y.z", "x.bnVsbA.y", `x.${btoa('{"sub":7}')}.y`].map(userOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});
