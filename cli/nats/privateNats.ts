import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { identify, programOf } from "../processIdentity.js";
import { GuardedChild } from "./guardedChild.js";
import type { NatsBinary } from "./natsBinary.js";

/** How to run it. */
export interface PrivateNatsOptions {
  readonly binary: NatsBinary;
  /** Holds the streams, the log and the configuration; nobody else uses it. */
  readonly folder: string;
  /** Of loopback; 0 picks a free one. */
  readonly port: number;
  /** Told when a server that ran has ended by itself; it is being started again. */
  readonly onEnded: () => void;
  /** Told, once, when it can't be kept running. */
  readonly onFailed: (error: Error) => void;
}

/** A start takes 50 ms; with streams of many gigabytes, or on a slow disk, longer. */
const START_LIMIT_MS = 60_000;
/** How long a server that was just told to end may keep the folder. */
const LEAVE_LIMIT_MS = 12_000;
const RESTART_PAUSE_MS = 500;
const MAX_RESTARTS_IN_A_ROW = 3;
/** A server that lived this long was well. */
const WELL_MS = 10_000;

/** A nats-server with JetStream on disk, on loopback, that ends with this process. It is started again when it dies. */
export class PrivateNats {
  readonly #options: PrivateNatsOptions;
  #child: GuardedChild | undefined;
  #port: number;
  #stopping = false;
  #restarts = 0;

  private constructor(options: PrivateNatsOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /** Starts it, and resolves when it takes connections. Throws a sentence when it can't be started. */
  static async start(options: PrivateNatsOptions): Promise<PrivateNats> {
    mkdirSync(join(options.folder, "ports"), { recursive: true });
    await predecessorGone(options.folder);
    const nats = new PrivateNats(options);
    try {
      await nats.#launch();
    } catch (error) {
      await nats.stop();
      throw error;
    }
    return nats;
  }

  /** Where it listens. */
  get url(): string {
    return `nats://127.0.0.1:${String(this.#port)}`;
  }

  /** Ends it. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#child?.stop();
  }

  async #launch(): Promise<void> {
    const { binary, folder } = this.#options;
    for (const name of readdirSync(join(folder, "ports"))) rmSync(join(folder, "ports", name));
    for (const name of readdirSync(folder)) if (name.startsWith("nats.log")) rmSync(join(folder, name));
    writeFileSync(configIn(folder), configuration(folder, this.#port));
    const child = new GuardedChild(binary.path, ["-c", configIn(folder)]);
    this.#child = child;
    const limit = new AbortController();
    const timer = setTimeout(() => { limit.abort(new Error("nats-server did not start within a minute")); }, START_LIMIT_MS);
    void child.ended.then(() => { limit.abort(new Error(this.#whyEnded(child))); });
    try {
      this.#port = await portIn(folder, limit.signal);
    } finally {
      clearTimeout(timer);
    }
    this.#watch(child);
  }

  #watch(child: GuardedChild): void {
    const startedMs = performance.now();
    void child.ended.then(async () => {
      if (this.#stopping) return;
      this.#options.onEnded();
      if (performance.now() - startedMs > WELL_MS) this.#restarts = 0;
      await this.#restart(child);
    });
  }

  async #restart(ended: GuardedChild): Promise<void> {
    try {
      if (this.#restarts >= MAX_RESTARTS_IN_A_ROW) throw new Error(`nats-server keeps ending: ${this.#whyEnded(ended)}`);
      this.#restarts += 1;
      await pause(RESTART_PAUSE_MS);
      if (!this.#stopping) await this.#launch();
    } catch (error) {
      if (!this.#stopping) this.#options.onFailed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #whyEnded(child: GuardedChild): string {
    const log = join(this.#options.folder, "nats.log");
    const lines = `${child.errors}\n${readIfThere(log)}`.split("\n").filter((line) => /\[(FTL|ERR)\]|nats-server:/.test(line));
    const why = lines.at(-1)?.replace(/^.*\[(?:FTL|ERR)\] /, "") ?? child.errors.trim();
    if (why.includes("address already in use")) {
      return `port ${String(this.#port)} on 127.0.0.1 is in use: set HALLEY_NATS_PORT (0 picks a free one), or HALLEY_NATS_URL to use the NATS that runs there`;
    }
    return `nats-server ended${why === "" ? "" : ` (${why})`}: ${log} holds its log`;
  }
}

/**
 * A server that was started for this folder before and outlived its `halley dev` is on its way out; two servers on the same
 * files would destroy them. Throws when it doesn't leave.
 */
async function predecessorGone(folder: string): Promise<void> {
  const pid = Number(readIfThere(join(folder, "nats.pid")));
  const deadlineMs = performance.now() + LEAVE_LIMIT_MS;
  while (pid > 0 && identify(pid) && (programOf(pid) ?? "nats").startsWith("nats")) {
    if (performance.now() > deadlineMs) {
      throw new Error(`${folder} is in use by a nats-server (process ${String(pid)}): end it, or set HALLEY_DATA to another folder`);
    }
    await pause(50);
  }
}

async function portIn(folder: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const file = readdirSync(join(folder, "ports")).find((name) => name.endsWith(".ports"));
    const port = file && /"nats:\/\/[^"]*:(\d+)"/.exec(readIfThere(join(folder, "ports", file)))?.[1];
    if (port) return Number(port);
    await pause(10);
    signal.throwIfAborted();
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function configIn(folder: string): string {
  return join(folder, "nats.conf");
}

function configuration(folder: string, port: number): string {
  const path = (name: string): string => JSON.stringify(resolve(folder, name));
  return [
    "# Written by halley dev at every start.",
    `listen: "127.0.0.1:${String(port === 0 ? -1 : port)}"`,
    `server_name: halley-dev`,
    `pid_file: ${path("nats.pid")}`,
    `ports_file_dir: ${path("ports")}`,
    `log_file: ${path("nats.log")}`,
    `logfile_size_limit: 16MB`,
    "# Room for the headers beside the largest payload that Halley takes.",
    "max_payload: 2MB",
    "# Streams reserve their limits; a developer's disk may be smaller than their sum.",
    `jetstream { store_dir: ${path(".")}, max_file_store: 256GB }`,
    "",
  ].join("\n");
}
