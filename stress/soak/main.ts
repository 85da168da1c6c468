// make soak: half an hour of ordinary life, and nothing may pile up.
import { parseArgs } from "node:util";
import { endOnSignals } from "../../test/helpers/childProcess.js";
import { runSoak } from "./runSoak.js";

const DEFAULT_MINUTES = 30;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: String(DEFAULT_MINUTES) }, seed: { type: "string" } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0");
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : Number(values.seed);
  const print = (line: string): void => { process.stdout.write(`${line}\n`); };
  print(`seed ${String(seed)}`);
  const { acknowledged, received, visits, faults } = await runSoak({ minutes, seed, print });
  for (const fault of faults.slice(0, 20)) print(`FAIL ${fault}`);
  print(`${String(minutes)} minutes, ${String(acknowledged)} acknowledged, ${String(received)} received, ${String(visits)} visits, ${String(faults.length)} failed`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

endOnSignals();
try {
  await main();
} catch (error) {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
