import { Chaos } from "../chaos/chaos.js";
import { CHAOS_WORLD } from "../chaos/startChaos.js";
import type { Scenario } from "../scenario.js";

const SECONDS = 20;
const EVERY_MS = 4_000;
/** Of channels without history and with short ones; chaos itself looks at the others. */
const HONEST = ["unrecovered", "HISTORY_LOST", "HISTORY_CHANGED", "NATS_DISCONNECTED"];

/** A short form of `make chaos`. */
export const chaosScenarios: readonly Scenario[] = (["single", "cluster"] as const).map((nats) => ({
  name: `chaos: random faults on everything at once (${nats})`,
  fault: "all at once", transport: "mixed", history: "any", world: { ...CHAOS_WORLD, nats }, honest: HONEST, closeCodes: [3001, 3002, 3003, 3004, 3500],
  async run(world) {
    const chaos = new Chaos(world, { seed: world.random.between(1, 2 ** 31), nats, seconds: SECONDS, everyMs: EVERY_MS, print: (line) => { world.note(line); } });
    const { faults, failures } = await chaos.run();
    return faults === 0 ? [...failures, "nothing was injected"] : failures;
  },
}));
