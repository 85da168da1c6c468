import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "./limits.js";

describe("docs/limits.md", () => {
  it("names every limit with its default", () => {
    const documented = new Map<string, number>();
    for (const [, names = "", defaults = ""] of readFileSync("docs/limits.md", "utf8").matchAll(/^\| ([^|]+) \| ([\d, ]+) \|/gm)) {
      const values = defaults.split(",").map(Number);
      [...names.split(":")[0]!.matchAll(/`(\w+)`/g)].forEach(([, name = ""], index) => documented.set(name, values[index] ?? NaN));
    }
    expect(Object.fromEntries([...documented].sort())).toEqual(Object.fromEntries(Object.entries(DEFAULT_LIMITS).sort()));
  });
});
