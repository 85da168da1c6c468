import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { countTimers, systemClock } from "./clock.js";

describe("the machine's clock", () => {
  it("counts the timers that are still to run, or repeat", async () => {
    const before = countTimers();
    const waiting = systemClock.after(60_000, () => undefined);
    const repeating = systemClock.every(1, () => undefined);
    systemClock.after(1, () => undefined);
    expect(countTimers()).toBe(before + 3);
    await pause(20);
    expect(countTimers()).toBe(before + 2);
    waiting.cancel();
    waiting.cancel();
    repeating.cancel();
    expect(countTimers()).toBe(before);
  });

  it("counts a timer no more that ends itself while it runs", async () => {
    const before = countTimers();
    await new Promise<void>((resolve) => {
      const timer = systemClock.after(1, () => {
        timer.cancel();
        resolve();
      });
    });
    expect(countTimers()).toBe(before);
  });
});
