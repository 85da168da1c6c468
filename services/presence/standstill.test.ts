import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { Standstill } from "./standstill.js";

describe("standstill", () => {
  it("is noticed by whoever looks first, once, and not where time passes while the process runs", () => {
    const clock = new FakeClock();
    const noticed: number[] = [];
    // Its timers come too late, as after a standstill.
    const frozen = { nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs(), after: clock.after.bind(clock), every: () => ({ cancel: () => undefined }) };
    const standstill = new Standstill(frozen, (forMs) => noticed.push(forMs));
    clock.advance(2_000);
    standstill.look();
    expect(noticed).toEqual([]);
    clock.advance(2_001);
    standstill.look();
    standstill.look();
    expect(noticed).toEqual([2_001]);
    const running = new Standstill(clock, (forMs) => noticed.push(forMs));
    clock.advance(60_000);
    running.look();
    running.stop();
    expect([noticed, clock.timers]).toEqual([[2_001], 0]);
  });
});
