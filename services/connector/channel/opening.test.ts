import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { Opening } from "./opening.js";

const late = (): Error => new Error("late");

describe("opening", () => {
  it("asks once, however many wait, and tells them all", async () => {
    let asked = 0;
    let open = (): void => undefined;
    const opening = new Opening(() => {
      asked += 1;
      return new Promise((resolve) => { open = resolve; });
    }, new FakeClock());
    const waits = [opening.wait(1_000, late), opening.wait(1_000, late)];
    open();
    await expect(Promise.all(waits)).resolves.toEqual([undefined, undefined]);
    expect([asked, opening.size]).toEqual([1, 0]);
  });

  it("keeps nothing of those who have given up, and asks no more for those who come after them", async () => {
    const clock = new FakeClock();
    let asked = 0;
    const opening = new Opening(() => {
      asked += 1;
      return new Promise(() => undefined);
    }, clock);
    for (let at = 0; at < 3; at++) {
      const wait = opening.wait(1_000, late);
      expect(opening.size).toBe(1);
      clock.advance(1_000);
      await expect(wait).rejects.toThrow("late");
    }
    expect([asked, opening.size, clock.timers]).toEqual([1, 0, 0]);
  });

  it("asks again after a refusal", async () => {
    const answers = [Promise.reject(new Error("away")), Promise.resolve()];
    const opening = new Opening(() => answers.shift() ?? Promise.reject(new Error("asked too often")), new FakeClock());
    await expect(opening.wait(1_000, late)).rejects.toThrow("away");
    await expect(opening.wait(1_000, late)).resolves.toBeUndefined();
  });
});
