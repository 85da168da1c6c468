// make stress: provokes faults on real processes and holds what clients got against what was acknowledged.
import { performance } from "node:perf_hooks";
import { endOnSignals } from "../test/helpers/childProcess.js";
import { hasClusterServer } from "../test/helpers/natsCluster.js";
import { NATS_PROGRAMS } from "../test/helpers/natsPrograms.js";
import { type Options, readOptions } from "./options.js";
import { type Outcome, runScenario, SHORT_EFFORT } from "./runner.js";
import { needsNewServer, type Scenario } from "./scenario.js";
import { SCENARIOS } from "./scenarios/all.js";

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function chosen({ only, isShort, isLong }: Options): Scenario[] {
  const isNamed = ({ name }: Scenario): boolean => only.length === 0 || only.some((text) => name.includes(text));
  const belongs = (scenario: Scenario): boolean => (!isShort || scenario.isShort === true) && (isLong || scenario.isLong !== true);
  const found = SCENARIOS.filter((scenario) => belongs(scenario) && isNamed(scenario));
  if (found.length > 0) return found;
  const elsewhere = SCENARIOS.filter(isNamed);
  if (elsewhere.length === 0) throw new Error("no scenario has such a name: --list shows them");
  const form = isShort ? "is not in the short form: leave --short out" : "takes minutes and runs with --long only";
  throw new Error(`'${elsewhere[0]?.name ?? ""}' ${form}`);
}

function printTable(): void {
  print("fault | transport | history | form | scenario");
  for (const { fault, transport, history, isShort = false, isLong = false, name } of SCENARIOS) print(`${fault} | ${transport} | ${history} | ${isShort ? "short" : isLong ? "long" : ""} | ${name}`);
}

function printOutcome({ scenario, seed, faults, notes, acknowledged, received, seconds }: Outcome): void {
  print(`${faults.length === 0 ? "ok  " : "FAIL"} ${scenario.name} (${seconds.toFixed(1)} s, ${String(acknowledged)} acknowledged, ${String(received)} received)`);
  for (const note of notes) print(`       - ${note}`);
  for (const fault of faults.slice(0, 20)) print(`       ${fault}`);
  if (faults.length > 0) print(`       again: ${scenario.isLong === true ? "--long " : ""}--seed ${String(seed)} --only "${scenario.name}"`);
}

/** The scenarios of a run, each with its seed: a round after another. A round's seed, given as `--seed`, repeats it. */
function* scheduled(options: Options): Generator<{ readonly scenario: Scenario; readonly seed: number }> {
  const { seed: first, repeat, minutes } = options;
  const untilMs = minutes === undefined ? Infinity : performance.now() + minutes * 60_000;
  const rounds = minutes === undefined ? repeat : Infinity;
  for (let round = 0; round < rounds; round++) {
    if (rounds > 1) print(`round ${String(round + 1)}, seed ${String(first + round)}`);
    for (const scenario of chosen(options)) {
      if (performance.now() > untilMs) return;
      yield { scenario, seed: first + round };
    }
  }
}

async function runAll(options: Options): Promise<void> {
  let scenarios = 0;
  let failed = 0;
  let leftOut = 0;
  let acknowledged = 0;
  let received = 0;
  print(`seed ${String(options.seed)}; ${NATS_PROGRAMS.map(({ program, version }) => `nats-server ${version} (${program})`).join(", ")}`);
  for (const { scenario, seed } of scheduled(options)) {
    if (needsNewServer(scenario) && !hasClusterServer) {
      leftOut += 1;
      print(`left out: ${scenario.name} (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)`);
      continue;
    }
    const outcome = await runScenario(scenario, seed, options.isShort ? SHORT_EFFORT : 1);
    printOutcome(outcome);
    scenarios += 1;
    acknowledged += outcome.acknowledged;
    received += outcome.received;
    if (outcome.faults.length > 0) failed += 1;
  }
  print(`${String(acknowledged)} messages acknowledged, ${String(received)} publications received and checked; ${leftOut === 0 ? "" : `${String(leftOut)} scenarios left out; `}seed ${String(options.seed)}`);
  print(`${String(scenarios)} scenarios, ${String(failed)} failed`);
  if (failed > 0) process.exitCode = 1;
}

let hasEnded = false;
// A run that ends early must not look like one that went well.
process.on("exit", (code) => {
  if (hasEnded) return;
  print(`the run ended early (${String(code)})`);
  if (code === 0) process.exitCode = 1;
});
endOnSignals();
const alive = setInterval(() => undefined, 60_000);

try {
  const options = readOptions(process.argv.slice(2));
  if (options.isList) printTable();
  else await runAll(options);
} catch (error) {
  process.stderr.write(`stress: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  hasEnded = true;
  clearInterval(alive);
}
// A browser that could not be closed would hold it.
process.exit();
