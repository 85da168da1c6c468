import { describe, expect, it } from "vitest";
import { FakeClock } from "../test/helpers/fakeClock.js";
import { ByteBudget } from "./byteBudget.js";

describe("byte budget", () => {
  const start = (bytes: number, clock = new FakeClock()): ByteBudget => new ByteBudget({ bytes, clock, waitMs: 1_000, late: () => new Error("late") });
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  it("runs together what fits, in the order of the line, and what is larger than all alone", async () => {
    const budget = start(10);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const works = [4, 6, 1, 99, 2, 2].map((bytes, at) => budget.run(bytes, () => new Promise<void>((resolve) => {
      begun.push(at);
      ends[at] = resolve;
    })));
    await turn();
    expect(begun).toEqual([0, 1]);
    ends[1]?.();
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    ends[0]?.();
    ends[2]?.();
    await turn();
    expect(begun).toEqual([0, 1, 2, 3]);
    ends[3]?.();
    await turn();
    expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
    for (const end of ends) end();
    await Promise.all(works);
  });

  it("gives back what failed work had taken", async () => {
    const budget = start(1);
    await expect(budget.run(1, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await budget.run(1, () => Promise.resolve("yes"))).toBe("yes");
  });

  it("rejects what has waited for too long, and lets what is behind it run that fits", async () => {
    const clock = new FakeClock();
    const budget = start(10, clock);
    const done: string[] = [];
    const ends: (() => void)[] = [];
    const add = (name: string, bytes: number): void => {
      const work = (): Promise<void> => new Promise((resolve) => { ends.push(resolve); });
      budget.run(bytes, work).then(() => done.push(name), () => done.push(`${name} late`));
    };
    add("first", 9);
    add("large", 5);
    clock.advance(600);
    add("small", 1);
    expect(budget.waiting).toBe(2);
    clock.advance(400);
    await turn();
    expect([done, ends.length, budget.waiting, clock.timers]).toEqual([["large late"], 2, 0, 0]);
    for (const end of ends) end();
    await turn();
    expect(done).toEqual(["large late", "first", "small"]);
    add("alone", 10);
    add("second", 10);
    clock.advance(999);
    ends[2]?.();
    await turn();
    expect([done.at(-1), ends.length, clock.timers]).toEqual(["alone", 4, 0]);
  });
});
