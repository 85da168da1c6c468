import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Kept between runs: what is fetched here takes a minute the first time. */
const CACHE = resolve("node_modules/.cache/halley-examples");

/** A toolchain that is there, or why it is not. */
export type Toolchain<T> = { readonly found: T } | { readonly missing: string };

/** A Python that has the packages of the example; made in a virtual environment. */
export function findPython(): Toolchain<string> {
  const requirements = "examples/python/requirements.txt";
  const folder = join(CACHE, "python");
  const python = join(folder, "bin", "python");
  const mark = join(folder, "installed.txt");
  if (existsSync(mark) && readFileSync(mark, "utf8") === readFileSync(requirements, "utf8")) return { found: python };
  if (!runs("python3", ["--version"])) return { missing: "python3 is not installed" };
  if (!runs("python3", ["-m", "venv", folder])) return { missing: "python3 can't make virtual environments" };
  if (!runs(python, ["-m", "pip", "install", "--quiet", "-r", requirements])) return { missing: "pip can't install grpcio" };
  writeFileSync(mark, readFileSync(requirements));
  return { found: python };
}

/** Go's example as a program, and grpcurl. */
export function buildWithGo(): Toolchain<{ readonly example: string; readonly grpcurl: string }> {
  if (!runs("go", ["version"])) return { missing: "go is not installed" };
  mkdirSync(CACHE, { recursive: true });
  const grpcurl = join(CACHE, "grpcurl");
  const example = join(CACHE, "go-example");
  if (!existsSync(grpcurl) && !runs("go", ["install", "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"], { GOBIN: CACHE })) {
    return { missing: "go can't fetch modules" };
  }
  execFileSync("node_modules/.bin/buf", ["generate", "--template", "examples/go/buf.gen.yaml", "--path", "proto/halley"], { stdio: "inherit" });
  execFileSync("go", ["build", "-o", example, "."], { cwd: "examples/go", stdio: "inherit" });
  return { found: { example, grpcurl } };
}

function runs(program: string, options: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  return spawnSync(program, options, { stdio: "ignore", env: { ...process.env, ...env } }).status === 0;
}
