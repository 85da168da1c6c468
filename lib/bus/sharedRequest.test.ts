import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { BURST, SharedRequest } from "./sharedRequest.js";

const SPACING_MS = 20;

describe("a request that many share", () => {
  let clock: FakeClock;
  let sentAtMs: number[];
  let shared: SharedRequest<number>;
  const start = 1_000;
  beforeEach(() => {
    clock = new FakeClock(start);
    sentAtMs = [];
    shared = new SharedRequest(() => Promise.resolve(sentAtMs.push(clock.monotonicMs() - start)), clock, SPACING_MS);
  });

  it("goes at once for one who comes alone, and is one for all of the same turn", async () => {
    const asked = [shared.afterNow(), shared.afterNow(), shared.afterNow()];
    expect(sentAtMs).toEqual([]);
    clock.advance(0);
    expect([sentAtMs, await Promise.all(asked)]).toEqual([[0], [1, 1, 1]]);
  });

  it("goes at once for a few who come one after the other, then once in a while, and at once again after a pause", () => {
    for (let turn = 0; turn < 60; turn++) {
      void shared.afterNow();
      clock.advance(1);
    }
    expect(sentAtMs).toEqual([0, 1, 2, 3, 20, 40, 60]);
    clock.advance(BURST * SPACING_MS);
    sentAtMs.length = 0;
    for (let turn = 0; turn < BURST + 1; turn++) {
      void shared.afterNow();
      clock.advance(0);
    }
    expect(sentAtMs).toEqual(Array.from({ length: BURST }, () => 60 + BURST * SPACING_MS));
  });

  it("is not answered to one who asks while it is under way", async () => {
    const answers: ((value: string) => void)[] = [];
    const slow = new SharedRequest(() => new Promise<string>((resolve) => answers.push(resolve)), clock, SPACING_MS);
    const first = slow.afterNow();
    clock.advance(0);
    const second = slow.afterNow();
    clock.advance(0);
    answers[0]?.("sent before the second asked");
    answers[1]?.("sent after");
    expect([await first, await second]).toEqual(["sent before the second asked", "sent after"]);
  });

  it("tells who shared it that it failed, and nobody else", async () => {
    let tries = 0;
    const failing = new SharedRequest(() => (++tries === 1 ? Promise.reject(new Error("no")) : Promise.resolve("yes")), clock, SPACING_MS);
    const both = [failing.afterNow(), failing.afterNow()];
    clock.advance(0);
    for (const one of both) await expect(one).rejects.toThrow("no");
    const next = failing.afterNow();
    clock.advance(0);
    await expect(next).resolves.toBe("yes");
  });

  it("is never waited for where no spacing is asked for", () => {
    const free = new SharedRequest(() => Promise.resolve(sentAtMs.push(0)), clock, 0);
    for (let n = 0; n < 20; n++) {
      void free.afterNow();
      clock.advance(0);
    }
    expect(sentAtMs).toHaveLength(20);
  });

  it("is sent after each asked, soon enough, and not more often than it may be", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 80 }), async (pausesMs) => {
        const [time, sent] = [new FakeClock(0), [] as number[]];
        const request = new SharedRequest(() => Promise.resolve(sent.push(time.monotonicMs()) - 1), time, SPACING_MS);
        const asked: { readonly atMs: number; readonly answer: Promise<number> }[] = [];
        for (const pauseMs of pausesMs) {
          time.advance(pauseMs);
          asked.push({ atMs: time.monotonicMs(), answer: request.afterNow() });
        }
        time.advance(SPACING_MS);
        for (const { atMs, answer } of asked) {
          const sentMs = sent[await answer] ?? NaN;
          expect(sentMs).toBeGreaterThanOrEqual(atMs);
          expect(sentMs - atMs).toBeLessThanOrEqual(SPACING_MS);
        }
        for (let from = 0; from + BURST < sent.length; from++) expect((sent[from + BURST] ?? 0) - (sent[from] ?? 0)).toBeGreaterThanOrEqual(SPACING_MS);
      }),
      { numRuns: 300 },
    );
  });
});
