// Puts deliberate faults into copies of the code, one at a time, and shows that a scenario fails by each.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { MUTANTS } from "./list.js";
import type { Mutant } from "./mutant.js";
import { SERVICE_MUTANTS } from "./services.js";

const RUN_MS = 320_000;
/** A scenario that failed, behind its figures what was wrong first. */
const CAUGHT = /^FAIL (.*) \(.*\n(?: +- .*\n)* +(.*)/m;

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

function run(folder: string, ...command: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8", timeout: RUN_MS });
  return { code: status, output: stdout + stderr };
}

/** The scenario that failed, and by what; undefined where none did. */
function findCatcher(folder: string, { caughtBy, tries = 1 }: Mutant): string | undefined {
  for (let round = 1; round <= tries; round++) {
    for (const only of caughtBy) {
      const [, scenario, fault] = CAUGHT.exec(run(folder, "dist/stress/main.js", "--only", only, "--seed", String(round)).output) ?? [];
      if (scenario !== undefined) return `'${scenario}': ${(fault ?? "").slice(0, 160)}`;
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
    const build = run(folder, "scripts/build.mjs");
    if (build.code !== 0) throw new Error(`${mutant.name}: can't be built: ${build.output.slice(-300)}`);
    const catcher = findCatcher(folder, mutant);
    print(catcher === undefined ? `MISSED ${mutant.name}` : `caught ${mutant.name}: by ${catcher}`);
    return catcher !== undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const only = process.argv[2] ?? "";
const chosen = [...MUTANTS, ...SERVICE_MUTANTS].filter(({ name }) => name.includes(only));
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
