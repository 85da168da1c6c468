// make bench: measures Halley on this machine. Everything that it starts runs on loopback and ends with it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, temporaryFolder } from "../test/helpers/temporaryFolder.js";
import { type Options, readOptions } from "./options.js";
import type { Part, PartResult } from "./part.js";
import { describeMachine, type Machine, readVersions, type Versions } from "./report/machine.js";
import { formatTable } from "./report/table.js";
import { peersNotAbove, ratioOf, verdictOf } from "./report/verdict.js";

/** A part that takes longer is given up, and the bench with it: each is made to take less. */
const PART_LIMIT_MS = 15 * 60_000;
const RESULTS = join("bench", "results");

const abort = new AbortController();

interface Bench {
  readonly options: Options;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly signal: AbortSignal;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs a part in a folder of its own, which is gone afterwards. */
async function runPart(part: Part, { options, signal }: Bench): Promise<PartResult> {
  const folder = temporaryFolder("bench");
  const limit = setTimeout(() => { abort.abort(new Error(`${part.name} took longer than 15 minutes`)); }, PART_LIMIT_MS);
  const say = (text: string): void => { process.stderr.write(`${part.name}: ${text}\n`); };
  try {
    const result = await part.run({ folder, quick: options.quick, profiles: options.profile ? RESULTS : undefined, signal, say });
    signal.throwIfAborted();
    return result;
  } finally {
    clearTimeout(limit);
    removeFolder(folder);
  }
}

function writeResults(results: ReadonlyMap<Part, PartResult>, { options, machine, versions }: Bench): void {
  const parts = [...results].map(([{ name, title }, { rows, details }]) => ({
    name,
    title,
    rows: rows.map((row) => ({ ...row, ratio: ratioOf(row), verdict: verdictOf(row), peersNotAbove: peersNotAbove(row) })),
    details,
  }));
  const file = join(RESULTS, "latest.json");
  writeFileSync(file, `${JSON.stringify({ date: new Date().toISOString(), quick: options.quick, machine, versions, parts }, undefined, 2)}\n`);
  print(`\n${file} has the same for programs, and the single runs.`);
}

async function runAll(bench: Bench): Promise<void> {
  const { options, machine, versions } = bench;
  print(`Halley ${versions.halley} ${versions.revision}, Node.js ${versions.node}, nats-server ${versions.natsServer}`);
  print(`${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGib)} GiB, Linux ${machine.kernel}, load ${machine.load.toFixed(2)} before the bench`);
  if (options.quick) print("QUICK: few and short runs, the figures mean nothing");
  const results = new Map<Part, PartResult>();
  for (const part of options.parts) {
    const result = await runPart(part, bench);
    results.set(part, result);
    print(`\n${formatTable(part.title, result)}`);
  }
  writeResults(results, bench);
}

for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => { abort.abort(new Error(`ended by ${name}`)); });
try {
  mkdirSync(RESULTS, { recursive: true });
  await runAll({ options: readOptions(process.argv.slice(2)), machine: describeMachine(), versions: await readVersions(), signal: abort.signal });
} catch (error) {
  const reason: unknown = abort.signal.aborted ? abort.signal.reason : error;
  process.stderr.write(`bench: ${reason instanceof Error ? reason.message : String(reason)}\n`);
  process.exitCode = 1;
}
