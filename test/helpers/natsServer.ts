import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endWithParent } from "./childProcess.js";
import { eventually } from "./eventually.js";
import { removeFolder, temporaryFolder } from "./temporaryFolder.js";

/** A real nats-server with its own JetStream folder. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** Where its monitoring pages are; another one after `start`. */
  readonly monitorPort: number;
  /** Where it keeps its streams. */
  readonly storeFolder: string;
  /** The running process; another one after `restart`. */
  readonly process: ChildProcess;
  /** Ends the process (SIGKILL for `hard`) and keeps the folder. */
  stop(hard?: boolean): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  /** Ends the process and removes the folder. */
  remove(): Promise<void>;
}

/** The nats-server of all tests that need no cluster: HALLEY_NATS_SERVER, or the one on PATH. */
export const USUAL_SERVER = process.env["HALLEY_NATS_SERVER"] ?? "nats-server";

/**
 * Starts a nats-server (USUAL_SERVER, or another program) on a free port of loopback. `settings` are added to its
 * configuration. The caller removes it.
 */
export async function startNatsServer(settings = "", program = USUAL_SERVER): Promise<NatsServer> {
  const folder = temporaryFolder("nats");
  const config = join(folder, "nats.conf");
  let port = -1;
  let monitorPort = -1;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    writeFileSync(
      config,
      `listen: "127.0.0.1:${String(port)}"\nhttp: "127.0.0.1:-1"\nports_file_dir: "${folder}"\nmax_payload: 2MB\njetstream { store_dir: "${folder}/js" }\n${settings}\n`,
    );
    for (const name of readdirSync(folder)) if (name.endsWith(".ports")) rmSync(join(folder, name));
    const started = endWithParent(spawn(program, ["-c", config], { stdio: "ignore" }));
    child = started;
    [port, monitorPort] = await eventually(() => {
      if (started.exitCode !== null) throw new Error(`nats-server exited with ${String(started.exitCode)}`);
      const file = readdirSync(folder).find((name) => name.endsWith(".ports"));
      const ports = JSON.parse(readFileSync(join(folder, file ?? "none"), "utf8")) as { nats: string[]; monitoring: string[] };
      return [Number(new URL(ports.nats[0] ?? "").port), Number(new URL(ports.monitoring[0] ?? "").port)] as const;
    });
  };

  const stop = async (hard = false): Promise<void> => {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill(hard ? "SIGKILL" : "SIGTERM");
    await ended;
  };

  await start();
  return {
    get url() {
      return `nats://127.0.0.1:${String(port)}`;
    },
    get port() {
      return port;
    },
    get monitorPort() {
      return monitorPort;
    },
    storeFolder: join(folder, "js"),
    get process() {
      if (!child) throw new Error("nats-server was never started");
      return child;
    },
    stop,
    start,
    async remove() {
      await stop();
      removeFolder(folder);
    },
  };
}
