import { describe, expect, it } from "vitest";
import { ByteBudget } from "./byteBudget.js";

describe("byte budget", () => {
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  it("runs together what fits, in the order of the line, and what is larger than all alone", async () => {
    const budget = new ByteBudget(10);
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
    const budget = new ByteBudget(1);
    await expect(budget.run(1, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await budget.run(1, () => Promise.resolve("yes"))).toBe("yes");
  });
});
