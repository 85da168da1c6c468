// Puts deliberate faults into copies of the code, one at a time, and shows that a scenario fails by each.
import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { endOnSignals } from "../../test/helpers/childProcess.js";
import { removeFolder, temporaryFolder } from "../../test/helpers/temporaryFolder.js";
import { MUTANTS } from "./list.js";
import type { Mutant } from "./mutant.js";
import { READING_MUTANTS } from "./reading.js";
import { SERVICE_MUTANTS } from "./services.js";

const RUN_MS = 320_000;
/** A scenario that failed, and what was wrong. */
const FAILED = /^FAIL (.*) \(.*\n((?: {7}.*\n)*)/gm;
/** What says nothing about the fault: figures, how to run it again, that nothing was put on trial, a service's log. */
const NO_FAULT = /^(- |again: )|: nothing was tried$|logged a fault: |^\S+-\d+: \{/;
const CONTROL_MS = 3_600_000;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Copies what git knows of, and borrows the packages. */
function copyProject(folder: string): void {
  const files = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" }).stdout.split("\n").filter((file) => file !== "");
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  for (const shared of ["node_modules", ".tools"]) symlinkSync(resolve(shared), join(folder, shared));
}

/** Changes the one place; throws where it isn't one. */
function mutate(folder: string, { file, find, replace, name }: Mutant): void {
  const path = join(folder, file);
  const parts = readFileSync(path, "utf8").split(find);
  if (parts.length !== 2) throw new Error(`${name}: its text occurs ${String(parts.length - 1)} times in ${file}`);
  writeFileSync(path, parts.join(replace));
}

function run(folder: string, command: readonly string[], timeout = RUN_MS): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...command], { cwd: folder, timeout, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      process.off("exit", end);
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
    });
    // In order: it has processes of its own.
    const end = (): void => { child.kill("SIGTERM"); };
    process.on("exit", end);
  });
}

/** The scenarios that failed, each with what was wrong first. */
function failures(output: string): string[] {
  return [...output.matchAll(FAILED)].flatMap(([, name = "", lines = ""]) => {
    const fault = lines.split("\n").map((line) => line.trim()).find((line) => line !== "" && !NO_FAULT.test(line));
    return fault === undefined ? [] : [`'${name}': ${fault.slice(0, 160)}`];
  });
}

/** The scenario that failed, and by what; undefined where none did. */
async function findCatcher(folder: string, { caughtBy, tries = 1 }: Mutant): Promise<string | undefined> {
  for (let round = 1; round <= tries; round++) {
    for (const only of caughtBy) {
      const [failure] = failures((await run(folder, ["dist/stress/main.js", "--only", only, "--seed", String(round)])).output);
      if (failure !== undefined) return failure;
    }
  }
  return undefined;
}

/** Whether it was caught. */
async function tryMutant(mutant: Mutant): Promise<boolean> {
  const folder = temporaryFolder("mutant");
  try {
    copyProject(folder);
    mutate(folder, mutant);
    const build = await run(folder, ["scripts/build.mjs"]);
    if (build.code !== 0) throw new Error(`${mutant.name}: can't be built: ${build.output.slice(-300)}`);
    const catcher = await findCatcher(folder, mutant);
    print(catcher === undefined ? `MISSED ${mutant.name}` : `caught ${mutant.name}: by ${catcher}`);
    return catcher !== undefined;
  } finally {
    removeFolder(folder);
  }
}

/** Runs every catcher on the code as it is, where none may fail. Gives whether none did. */
async function control(mutants: readonly Mutant[]): Promise<boolean> {
  const catchers = [...new Set(mutants.flatMap(({ caughtBy }) => caughtBy))];
  const { code, output } = await run(".", ["dist/stress/main.js", "--seed", "1", ...catchers.flatMap((only) => ["--only", only])], CONTROL_MS);
  print(`without a fault: ${output.trim().split("\n").at(-1) ?? ""}`);
  for (const failure of failures(output)) print(`FAIL ${failure}`);
  return code === 0;
}

/** Tries faults until none is left. Gives how many were caught. */
async function tryAll(waiting: Mutant[]): Promise<number> {
  let caught = 0;
  for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
    try {
      if (await tryMutant(mutant)) caught += 1;
    } catch (error) {
      print(`MISSED ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return caught;
}

endOnSignals();
const [only = "", jobs = "1"] = process.argv.slice(2);
const chosen = [...MUTANTS, ...READING_MUTANTS, ...SERVICE_MUTANTS].filter(({ name }) => name.includes(only));
if (chosen.length === 0) {
  process.stderr.write(`mutants: no fault has a name with "${only}" in it; stress/mutants/ lists them\n`);
  process.exit(1);
}
if (!(await control(chosen))) process.exitCode = 1;
const waiting = [...chosen];
const counts = await Promise.all(Array.from({ length: Math.max(1, Number(jobs) || 1) }, () => tryAll(waiting)));
const caught = counts.reduce((sum, count) => sum + count, 0);
print(`${String(chosen.length)} faults injected, ${String(caught)} caught`);
if (caught < chosen.length) process.exitCode = 1;
