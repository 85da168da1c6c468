import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { endWithParent } from "../../test/helpers/childProcess.js";
import { eventually } from "../../test/helpers/eventually.js";

/** What to run. */
export interface ServiceOptions {
  /** Shown in failures. */
  readonly name: string;
  /** Below dist/. */
  readonly module: string;
  /** The prefix of its port settings, like `CONNECTOR`. */
  readonly prefix: string;
  readonly env: Readonly<Record<string, string>>;
}

const READY_MS = 30_000;
const ANSWER_MS = 10_000;
const KEPT_LINES = 200;
const KEPT_FAULTS = 50;
/** A line of Prometheus's text format. */
const METRIC = /^(\w+)(?:\{[^}]*\})? (\S+)$/gm;
/** pino's levels from "error" on. */
const FAULT = /"level":(50|60)/;

/** A service of Halley in a process of its own, which can be killed, frozen and started again on the same ports. */
export class ServiceProcess {
  readonly name: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #port = 0;
  #opsPort = 0;
  #lines: string[] = [];
  readonly #faults: string[] = [];
  readonly #crashes: string[] = [];
  /** Told to end. */
  #isEnding = false;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  get opsPort(): number {
    return this.#opsPort;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The newest lines of its log. */
  get log(): readonly string[] {
    return this.#lines;
  }

  /** The first lines of its log that tell of a fault, since it was made. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** How it ended without being told to. */
  get crashes(): readonly string[] {
    return this.#crashes;
  }

  /** Of a connector: what it keeps for a while for those who may come back, it keeps no more. */
  hasten(): void {
    this.#child?.kill("SIGHUP");
  }

  /** Runs the garbage collector, where the service was started with `collectGarbage`. */
  collectGarbage(): void {
    this.#child?.kill("SIGUSR2");
  }

  /** Starts it, the second time on the ports of the first. `untilReady`: resolves only when it is. */
  async start(untilReady = true): Promise<void> {
    const { module, prefix, env } = this.#options;
    const ports = { [`HALLEY_${prefix}_PORT`]: String(this.#port), [`HALLEY_${prefix}_OPS_PORT`]: String(this.#opsPort) };
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HALLEY_")));
    const child = endWithParent(spawn(process.execPath, [resolve("dist", module)], { env: { ...inherited, HALLEY_HOST: "127.0.0.1", ...env, ...ports }, stdio: ["ignore", "pipe", "pipe"] }));
    this.#child = child;
    this.#isEnding = false;
    child.once("exit", (code, signal) => { if (!this.#isEnding) this.#crashes.push(`${this.name} ended by itself with ${String(code ?? signal)}: ${this.#lines.slice(-2).join(" | ").slice(0, 600)}`); });
    for (const stream of [child.stdout, child.stderr]) {
      let unfinished = "";
      stream.on("data", (chunk: Buffer) => {
        const lines = (unfinished + chunk.toString("utf8")).split("\n");
        unfinished = lines.pop() ?? "";
        this.#keep(lines);
      });
    }
    await eventually(() => this.#hasPorts(), READY_MS);
    if (untilReady) await this.ready();
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    await eventually(async () => (await this.#ask("/readyz")).ok, READY_MS);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM: it drains. Gives its exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** A metric of its, without labels; 0 where there is none. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(name) ?? 0;
  }

  /** All its metrics, without labels; of those that occur with several, the first. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const [, name = "", value] of (await (await this.#ask("/metrics")).text()).matchAll(METRIC)) if (!found.has(name)) found.set(name, Number(value));
    return found;
  }

  /** What it has in memory (RSS), in bytes. */
  async memoryBytes(): Promise<number> {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(this.pid)]);
    return Number(stdout) * 1_024;
  }

  /** Its open file descriptors. */
  countFds(): number {
    return readdirSync(`/proc/${String(this.pid)}/fd`).length;
  }

  /** The most that it ever had in memory (RSS), in bytes. */
  get peakBytes(): number {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(this.pid)}/status`, "utf8"))?.[1]) * 1_024;
  }

  /** Leaves no connection behind. */
  #ask(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${String(this.#opsPort)}${path}`, { headers: { connection: "close" }, signal: AbortSignal.timeout(ANSWER_MS) });
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines.filter((one) => one !== "")) {
      this.#lines.push(line);
      this.#readPorts(line);
      if (FAULT.test(line) && this.#faults.length < KEPT_FAULTS) this.#faults.push(line);
    }
    this.#lines = this.#lines.slice(-KEPT_LINES);
  }

  #readPorts(line: string): void {
    if (!line.startsWith("{") || !line.includes("listens")) return;
    const { port, opsPort } = JSON.parse(line) as { port?: number; opsPort?: number };
    this.#port = port ?? this.#port;
    this.#opsPort = opsPort ?? this.#opsPort;
  }

  #hasPorts(): boolean {
    if (!this.isRunning) throw new Error(`${this.name} ended at its start: ${this.#lines.slice(-3).join(" | ")}`);
    return this.#port > 0 && this.#lines.some((line) => line.includes("listens"));
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (!child || !this.isRunning) return child?.exitCode ?? null;
    this.#isEnding = true;
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    // A frozen process takes a SIGTERM only when it goes on.
    child.kill("SIGCONT");
    child.kill(signal);
    const code = await ended;
    this.#lines = [];
    return code;
  }
}
