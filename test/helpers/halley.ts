import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eventually } from "./eventually.js";

const BIN = resolve("cli/halley.mjs");

/** How a run of the command ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningHalley {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Run>;
}

type Environment = Readonly<Record<string, string>>;

/** Free ports everywhere, so that nothing meets what else runs on the machine. */
export const FREE_PORTS: Environment = Object.fromEntries(
  ["NATS_PORT", "PUBLISH_PORT", "PRESENCE_PORT", "CONNECTOR_PORT", "PUBLISH_OPS_PORT", "PRESENCE_OPS_PORT", "CONNECTOR_OPS_PORT"].map((name) => [`HALLEY_${name}`, "0"]),
);

/** Starts `halley` with only the given HALLEY_* settings. */
export function spawnHalley(options: readonly string[], env: Environment = {}): RunningHalley {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("HALLEY_") || name === "HALLEY_NATS_SERVER");
  const child = spawn(process.execPath, [BIN, ...options], { env: { ...Object.fromEntries(inherited), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) child[stream].on("data", (chunk: Buffer) => { printed[stream] += chunk.toString("utf8"); });
  const ended = new Promise<Run>((done) => child.once("close", (code) => { done({ code, ...printed }); }));
  return {
    process: child,
    ended,
    get stdout() {
      return printed.stdout;
    },
    get stderr() {
      return printed.stderr;
    },
  };
}

/** Runs `halley` to its end. */
export function runHalley(options: readonly string[], env: Environment = {}): Promise<Run> {
  return spawnHalley(options, env).ended;
}

/** A `halley dev` in a folder of its own. */
export interface Dev {
  readonly folder: string;
  readonly halley: RunningHalley;
  /** Runs a command beside it. */
  run(...options: string[]): Promise<Run>;
  /** Ends it as Ctrl-C does. */
  stop(): Promise<Run>;
  /** Ends it, if it runs, and removes the folder. */
  remove(): Promise<void>;
}

/** Starts `halley dev`, on free ports and in a new folder or the given one, and waits until it is ready. */
export async function startDevProcess(env: Environment = {}, folder = mkdtempSync(join(tmpdir(), "halley-dev-"))): Promise<Dev> {
  const halley = spawnHalley(["dev"], { ...FREE_PORTS, HALLEY_DATA: folder, ...env });
  await eventually(() => {
    if (halley.process.exitCode !== null) throw new Error(`halley dev ended: ${halley.stderr}`);
    return halley.stdout.includes("Try:") || halley.stdout.includes("then try:");
  }, 30_000);
  const stop = async (): Promise<Run> => {
    halley.process.kill("SIGINT");
    return halley.ended;
  };
  return {
    folder,
    halley,
    run: (...options) => runHalley(options, { HALLEY_DATA: folder }),
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
