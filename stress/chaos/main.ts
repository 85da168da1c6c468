// make chaos: half an hour of random faults on a whole installation, and nothing that was acknowledged may be lost.
import { parseArgs } from "node:util";
import { endOnSignals } from "../../test/helpers/childProcess.js";
import { hasClusterServer } from "../../test/helpers/natsCluster.js";
import type { ChaosOptions } from "./chaos.js";
import { startChaos } from "./startChaos.js";

const DEFAULT_MINUTES = 30;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readOptions(): ChaosOptions {
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: String(DEFAULT_MINUTES) }, seed: { type: "string" }, every: { type: "string", default: "8" }, nats: { type: "string", default: hasClusterServer ? "cluster" : "single" } },
  });
  const { nats } = values;
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : Number(values.seed);
  const everyMs = Number(values.every) * 1_000;
  if (!(everyMs >= 100)) throw new Error("--every takes seconds, 0.1 at least");
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0");
  if (!Number.isSafeInteger(seed) || seed < 1) throw new Error("--seed takes a whole number from 1 on");
  if (nats !== "single" && nats !== "cluster") throw new Error("--nats takes single or cluster");
  if (nats === "cluster" && !hasClusterServer) throw new Error("a cluster needs nats-server 2.11 or newer: scripts/require.sh nats-cluster");
  return { seed, nats, seconds: minutes * 60, everyMs, print };
}

async function main(): Promise<void> {
  const options = readOptions();
  print(`seed ${String(options.seed)}, nats ${options.nats}`);
  const { faults, acknowledged, received, failures } = await startChaos(options);
  print(`seed ${String(options.seed)}`);
  print(`chaos: ${String(faults)} faults in ${String(options.seconds / 60)} minutes, ${String(acknowledged)} messages acknowledged, ${String(received)} received, ${String(failures.length)} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

endOnSignals();
try {
  await main();
} catch (error) {
  process.stderr.write(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
