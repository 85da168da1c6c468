import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { findNatsBinary } from "../../cli/nats/natsBinary.js";

/** What was measured. */
export interface Versions {
  readonly halley: string;
  /** The commit, with `+` where files differ from it; empty outside a repository. */
  readonly revision: string;
  readonly node: string;
  readonly natsServer: string;
}

/** Where it was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  /** The load of the last minute before the bench began: above a few hundredths, others were at work. */
  readonly load: number;
}

/** Looks at this machine. */
export function describeMachine(): Machine {
  const present = cpus();
  return {
    cpu: present[0]?.model.trim() ?? "unknown",
    cores: present.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: loadavg()[0] ?? NaN,
  };
}

/** Looks at what is installed. Throws a sentence where there is no nats-server. */
export async function readVersions(): Promise<Versions> {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const nats = await findNatsBinary(process.env["HALLEY_NATS_SERVER"]);
  return { halley: version, revision: await revision(), node: process.versions.node, natsServer: nats.version };
}

async function revision(): Promise<string> {
  const run = promisify(execFile);
  try {
    const { stdout: commit } = await run("git", ["rev-parse", "--short=12", "HEAD"]);
    const { stdout: changes } = await run("git", ["status", "--porcelain"]);
    return `${commit.trim()}${changes.trim() === "" ? "" : "+"}`;
  } catch {
    return "";
  }
}
