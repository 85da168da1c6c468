import { execFileSync } from "node:child_process";

/** Brings dist/ up to date before the tests: those of the command line and of the pages run what was built. */
export default function buildOnce(): void {
  execFileSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
}
