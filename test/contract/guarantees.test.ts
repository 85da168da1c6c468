import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SCENARIOS } from "../../stress/scenarios/all.js";

const promises = readFileSync("docs/guarantees.md", "utf8").split(/^## /m).slice(1);
/** Those that run whenever `make stress` does. */
const names = new Set(SCENARIOS.filter(({ isLong = false }) => !isLong).map(({ name }) => name));

describe("docs/guarantees.md", () => {
  it.each(promises.map((text) => [text.split("\n")[0] ?? "", text]))("%s: every trial that is named exists, and there is one", (_title, text) => {
    const proofs = [...(text.split("**Proven by**")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
    expect(proofs.length).toBeGreaterThan(0);
    expect(proofs.filter((name) => !names.has(name))).toEqual([]);
  });
});
