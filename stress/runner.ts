import { performance } from "node:perf_hooks";
import { inspect } from "node:util";
import type { Scenario } from "./scenario.js";
import { World } from "./world/world.js";

/** How a scenario went. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly faults: readonly string[];
  /** Figures that it measured. */
  readonly notes: readonly string[];
  /** Messages that were acknowledged, and publications that came, in all. */
  readonly acknowledged: number;
  readonly received: number;
  readonly seconds: number;
}

/** In the short form every fault comes half as often. */
export const SHORT_EFFORT = 0.5;
const LIMIT_MS = 300_000;
const LONG_LIMIT_MS = 1_200_000;

/**
 * Runs a scenario in a world of its own, and holds every client against what was acknowledged. Never throws.
 * `effort`: the share of what is repeated that is.
 */
export async function runScenario(scenario: Scenario, seed: number, effort = 1): Promise<Outcome> {
  const startedMs = performance.now();
  const faults: string[] = [];
  let world: World | undefined;
  let acknowledged = 0;
  let received = 0;
  try {
    world = await World.start({ ...scenario.world, seed, effort });
    faults.push(...((await withLimit(scenario.run(world), scenario.isLong === true ? LONG_LIMIT_MS : LIMIT_MS)) ?? []));
    faults.push(...(await world.settle()));
    faults.push(...dishonest(world, scenario.honest ?? []));
    acknowledged = world.ledger.messages;
    received = world.received;
    faults.push(...(await world.end()));
    faults.push(...wrongCloses(world, scenario.closeCodes ?? []), ...world.services.flatMap(({ crashes }) => crashes), ...wrongLogs(world, scenario.logs ?? []));
  } catch (error) {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : inspect(error));
  }
  if (faults.length > 0 && world) for (const { name, log } of world.services) faults.push(...log.filter((line) => /"level":(40|50|60)/.test(line)).slice(-3).map((line) => `${name}: ${line.slice(0, 300)}`));
  try {
    await world?.stop();
  } catch (error) {
    faults.push(`the end: ${error instanceof Error ? error.message : inspect(error)}`);
  }
  return { scenario, seed, faults, notes: world?.notes ?? [], acknowledged, received, seconds: (performance.now() - startedMs) / 1_000 };
}

function dishonest(world: World, honest: readonly string[]): string[] {
  return world.breaks.filter((text) => !honest.some((reason) => text.endsWith(`: ${reason}`))).map((text) => `told of a loss that was none: ${text}`);
}

/** The client's own goodbye; a connection that broke, or was cut; a drain. All others must be expected. */
const USUAL_CODES = [1000, 1006, 3000];

function wrongCloses(world: World, expected: readonly number[]): string[] {
  return world.clients.flatMap(({ state }) => [
    ...state.closeCodes.filter((code) => !USUAL_CODES.includes(code) && !expected.includes(code)).map((code) => `${state.name} was closed with ${String(code)}`),
    ...state.closeFaults.map((fault) => `${state.name} ${fault}`),
  ]);
}

function wrongLogs(world: World, expected: readonly string[]): string[] {
  return world.services.flatMap(({ name, faults }) => faults.filter((line) => !expected.some((text) => line.includes(text))).map((line) => `${name} logged a fault: ${line.slice(0, 400)}`));
}

async function withLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error(`the scenario took longer than ${String(limitMs / 60_000)} minutes`)); }, limitMs); });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
