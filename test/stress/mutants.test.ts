import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "../../stress/mutants/list.js";
import { READING_MUTANTS } from "../../stress/mutants/reading.js";
import { SERVICE_MUTANTS } from "../../stress/mutants/services.js";
import { SCENARIOS } from "../../stress/scenarios/all.js";

const all = [...MUTANTS, ...READING_MUTANTS, ...SERVICE_MUTANTS];
/** What `make mutants` runs. */
const names = SCENARIOS.filter(({ isLong = false }) => !isLong).map(({ name }) => name);

describe("the deliberate faults of make mutants", () => {
  it("are 30 at least, each under a name of its own, and each another", () => {
    expect(all.length).toBeGreaterThanOrEqual(30);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(new Set(all.map(({ file, find, replace }) => `${file} ${find} ${replace}`)).size).toBe(all.length);
  });

  it.each(all.map((mutant) => ({ ...mutant })))("$name: its place is there once, and scenarios may catch it", ({ file, find, caughtBy }) => {
    expect(readFileSync(file, "utf8").split(find).length - 1).toBe(1);
    expect(caughtBy.filter((text) => !names.some((name) => name.includes(text)))).toEqual([]);
  });
});
