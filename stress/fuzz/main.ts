// make fuzz: hundreds of thousands of inputs, right and wrong, at every door; nothing may break, and nobody may be disturbed.
import { parseArgs } from "node:util";
import { endOnSignals } from "../../test/helpers/childProcess.js";
import { FUZZERS, runFuzz } from "./runFuzz.js";

const DEFAULT_INPUTS = 1_000_000;

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
  return value;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { inputs: { type: "string" }, seed: { type: "string" }, only: { type: "string", multiple: true, default: [] }, batch: { type: "string" } } });
  const names = FUZZERS.map(({ name }) => name);
  for (const name of values.only) if (!names.includes(name)) throw new Error(`--only takes ${names.join(", ")}`);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : number("seed", values.seed);
  const inputs = values.inputs === undefined ? DEFAULT_INPUTS : number("inputs", values.inputs);
  const batch = values.batch === undefined ? undefined : number("batch", values.batch);
  const print = (line: string): void => { process.stdout.write(`${line}\n`); };
  print(`seed ${String(seed)}`);
  const outcome = await runFuzz({ inputs, seed, only: values.only, batch, print });
  for (const fault of outcome.faults.slice(0, 20)) print(`FAIL ${fault}`);
  print(`${String(outcome.inputs)} inputs, ${String(outcome.faults.length)} failed`);
  process.exitCode = outcome.faults.length > 0 ? 1 : 0;
}

endOnSignals();
try {
  await main();
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// Connections of clients that are kept alive would hold it up.
process.exit();
