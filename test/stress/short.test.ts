import { describe, expect, it } from "vitest";
import { runScenario, SHORT_EFFORT } from "../../stress/runner.js";
import { needsNewServer } from "../../stress/scenario.js";
import { SCENARIOS } from "../../stress/scenarios/all.js";
import { hasClusterServer } from "../helpers/natsCluster.js";

const SEED = Number(process.env["STRESS_SEED"] ?? Math.floor(Math.random() * 2 ** 31) + 1);
const short = SCENARIOS.filter(({ isShort = false }) => isShort);
const single = short.filter((scenario) => !needsNewServer(scenario));
const cluster = short.filter(needsNewServer);

const run = async (index: number, scenarios: typeof short): Promise<void> => {
  const scenario = scenarios[index];
  if (!scenario) throw new Error("no such scenario");
  const { faults, seed } = await runScenario(scenario, SEED, SHORT_EFFORT);
  expect({ seed, faults }).toEqual({ seed, faults: [] });
};

describe("the short form of make stress", () => {
  it.each(single.map(({ name }, index) => ({ name, index })))("$name", ({ index }) => run(index, single), 330_000);
});

describe.skipIf(!hasClusterServer)("the short form of make stress on clusters (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)", () => {
  it.each(cluster.map(({ name }, index) => ({ name, index })))("$name", ({ index }) => run(index, cluster), 330_000);
});
