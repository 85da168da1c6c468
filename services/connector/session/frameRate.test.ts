import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { FrameRate } from "./frameRate.js";

describe("frame rate", () => {
  const takeAll = (rate: FrameRate): number => {
    let taken = 0;
    while (taken < 10_000 && rate.take()) taken += 1;
    return taken;
  };

  it("lets a burst through, then so many a second", () => {
    const clock = new FakeClock();
    const rate = new FrameRate(clock, 10, 50);
    expect(takeAll(rate)).toBe(50);
    clock.advance(99);
    expect(takeAll(rate)).toBe(0);
    clock.advance(1);
    expect(takeAll(rate)).toBe(1);
    clock.advance(1_000);
    expect(takeAll(rate)).toBe(10);
  });

  it("saves no more than a burst", () => {
    const clock = new FakeClock();
    const rate = new FrameRate(clock, 10, 50);
    clock.advance(3_600_000);
    expect(takeAll(rate)).toBe(50);
  });
});
