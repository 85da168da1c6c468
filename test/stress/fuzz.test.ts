import { describe, expect, it } from "vitest";
import { runFuzz } from "../../stress/fuzz/runFuzz.js";

const SEED = Number(process.env["STRESS_SEED"] ?? Math.floor(Math.random() * 2 ** 31) + 1);
const INPUTS = 20_000;

describe("the short form of make fuzz", () => {
  it("breaks nothing, and disturbs nobody", async () => {
    const { inputs, faults } = await runFuzz({ inputs: INPUTS, seed: SEED, only: [], print: () => undefined });
    expect({ seed: SEED, faults: faults.slice(0, 10) }).toEqual({ seed: SEED, faults: [] });
    expect(inputs).toBeGreaterThanOrEqual(INPUTS);
  }, 120_000);
});
