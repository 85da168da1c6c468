import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Answer, Commands, Question } from "./commands.js";

/** How to start a process. */
export interface ChildOptions {
  /** For sentences about it. */
  readonly name: string;
  /** The module that it runs. */
  readonly module: URL;
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Told of every line on its standard error. */
  readonly onLine?: (line: string) => void;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A question that is not answered by then never will be, in milliseconds. */
const ANSWER_LIMIT_MS = 180_000;
/** A process that was asked to end is killed after this long. */
const STOP_LIMIT_MS = 15_000;
const KEPT_LINES = 20;

/** A Node process of the bench, that answers `C`, or a service. Lives no longer than the bench. */
export class Child<C extends Commands = Commands> {
  readonly pid: number;
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  #nextId = 1;
  #hasEnded = false;

  constructor({ name, module, nodeOptions = [], env = {}, onLine, signal }: ChildOptions) {
    signal.throwIfAborted();
    this.#name = name;
    this.#process = spawn(process.execPath, [...nodeOptions, fileURLToPath(module)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // A group of its own: Ctrl-C in the terminal reaches the bench alone, which then ends its processes.
      detached: true,
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    if (this.#process.pid === undefined) throw new Error(`${name} can't be started`);
    this.pid = this.#process.pid;
    this.#process.on("message", (message: Answer) => { this.#onAnswer(message); });
    if (this.#process.stderr) {
      createInterface({ input: this.#process.stderr }).on("line", (line) => {
        this.#lines.push(line);
        if (this.#lines.length > KEPT_LINES) this.#lines.shift();
        onLine?.(line);
      });
    }
    const kill = (): void => { this.#process.kill("SIGKILL"); };
    signal.addEventListener("abort", kill, { once: true });
    this.#ended = new Promise((resolve) => {
      this.#process.once("close", () => {
        signal.removeEventListener("abort", kill);
        this.#hasEnded = true;
        for (const { reject } of this.#pending.values()) reject(this.#endedEarly());
        this.#pending.clear();
        resolve();
      });
    });
  }

  /** Asks and waits for the answer. Throws when the process says why not, ends, or takes 3 minutes. */
  async ask<Name extends keyof C & string>(name: Name, input: Parameters<C[Name]>[0]): Promise<Awaited<ReturnType<C[Name]>>> {
    if (this.#hasEnded) throw this.#endedEarly();
    const id = this.#nextId++;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      timer = setTimeout(() => { reject(new Error(`${this.#name} did not answer ${name} in time`)); }, ANSWER_LIMIT_MS);
    });
    try {
      this.#process.send({ id, name, input } satisfies Question);
      return (await answer) as Awaited<ReturnType<C[Name]>>;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Rejects when the process ends. */
  async failed(): Promise<never> {
    await this.#ended;
    throw this.#endedEarly();
  }

  /** Asks it to end (SIGTERM), insists after 15 s. Idempotent. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    this.#process.kill("SIGTERM");
    const impatience = setTimeout(() => { this.#process.kill("SIGKILL"); }, STOP_LIMIT_MS);
    await this.#ended;
    clearTimeout(impatience);
  }

  #onAnswer({ id, value, failure }: Answer): void {
    const pending = this.#pending.get(id);
    if (failure === undefined) pending?.resolve(value);
    else pending?.reject(new Error(`${this.#name}: ${failure}`));
  }

  #endedEarly(): Error {
    return new Error(`${this.#name} has ended${this.#lines.length === 0 ? "" : `; its last words:\n${this.#lines.join("\n")}`}`);
  }
}
