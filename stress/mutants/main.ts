// Puts deliberate faults into copies of the code, one at a time, and shows that a scenario fails by each.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { MUTANTS } from "./list.js";
import type { Mutant } from "./mutant.js";
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

function run(folder: string, command: readonly string[], timeout = RUN_MS): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8", timeout, maxBuffer: 2 ** 28 });
  return { code: status, output: stdout + stderr };
}

/** The scenarios that failed, each with what was wrong first. */
function failures(output: string): string[] {
  return [...output.matchAll(FAILED)].flatMap(([, name = "", lines = ""]) => {
    const fault = lines.split("\n").map((line) => line.trim()).find((line) => line !== "" && !NO_FAULT.test(line));
    return fault === undefined ? [] : [`'${name}': ${fault.slice(0, 160)}`];
  });
}

/** The scenario that failed, and by what; undefined where none did. */
function findCatcher(folder: string, { caughtBy, tries = 1 }: Mutant): string | undefined {
  for (let round = 1; round <= tries; round++) {
    for (const only of caughtBy) {
      const [failure] = failures(run(folder, ["dist/stress/main.js", "--only", only, "--seed", String(round)]).output);
      if (failure !== undefined) return failure;
    }
  }
  return undefined;
}

/** Whether it was caught. */
function tryMutant(mutant: Mutant): boolean {
  const folder = mkdtempSync(join(tmpdir(), "halley-mutant-"));
  try {
    copyProject(folder);
    mutate(folder, mutant);
    const build = run(folder, ["scripts/build.mjs"]);
    if (build.code !== 0) throw new Error(`${mutant.name}: can't be built: ${build.output.slice(-300)}`);
    const catcher = findCatcher(folder, mutant);
    print(catcher === undefined ? `MISSED ${mutant.name}` : `caught ${mutant.name}: by ${catcher}`);
    return catcher !== undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs every catcher on the code as it is, where none may fail. Gives whether none did. */
function control(mutants: readonly Mutant[]): boolean {
  const catchers = [...new Set(mutants.flatMap(({ caughtBy }) => caughtBy))];
  const { code, output } = run(".", ["dist/stress/main.js", "--seed", "1", ...catchers.flatMap((only) => ["--only", only])], CONTROL_MS);
  print(`without a fault: ${output.trim().split("\n").at(-1) ?? ""}`);
  for (const failure of failures(output)) print(`FAIL ${failure}`);
  return code === 0;
}

const only = process.argv[2] ?? "";
const chosen = [...MUTANTS, ...SERVICE_MUTANTS].filter(({ name }) => name.includes(only));
if (!control(chosen)) process.exitCode = 1;
let caught = 0;
for (const mutant of chosen) {
  try {
    if (tryMutant(mutant)) caught += 1;
  } catch (error) {
    print(`MISSED ${error instanceof Error ? error.message : String(error)}`);
  }
}
print(`${String(chosen.length)} faults injected, ${String(caught)} caught`);
if (caught < chosen.length) process.exitCode = 1;
