import { type ChildProcess, spawn } from "node:child_process";

/**
 * Runs the program in "$@" and ends it when file descriptor 3 closes: then this process asks for it, or has died, even of
 * kill -9. Ends as the program ends.
 */
const GUARD = `
"$@" 3<&- & child=$!
( read -r _ <&3
  kill -TERM "$child"
  tenths=0
  while [ $tenths -lt 100 ] && kill -0 "$child"; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -KILL "$child"
) 2>/dev/null & watcher=$!
wait "$child"; code=$?
kill -KILL "$watcher" 2>/dev/null
exit "$code"
`;

/** Past this a program that was asked to end is killed, in milliseconds. */
const STOP_LIMIT_MS = 12_000;

/** A program that lives no longer than this process, however this one ends. */
export class GuardedChild {
  readonly #guard: ChildProcess;
  #errors = "";
  /** Resolves when the program has ended. */
  readonly ended: Promise<void>;

  /** Starts a program in a session of its own, so that Ctrl-C in the terminal reaches this process alone. */
  constructor(program: string, options: readonly string[]) {
    this.#guard = spawn("/bin/sh", ["-c", GUARD, "halley-guard", program, ...options], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#guard.stderr?.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString("utf8")).slice(-4_096);
    });
    this.ended = new Promise((resolve) => {
      this.#guard.once("error", (error) => {
        this.#errors += error.message;
        resolve();
      });
      this.#guard.once("exit", () => { resolve(); });
    });
    // The pipe closes under us when the program ends.
    this.#guard.stdio[3]?.on("error", () => undefined);
  }

  /** The end of what the program wrote to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** Ends the program and waits for it. Idempotent. */
  async stop(): Promise<void> {
    this.#guard.stdio[3]?.destroy();
    const impatience = setTimeout(() => { this.#killAll(); }, STOP_LIMIT_MS);
    await this.ended;
    clearTimeout(impatience);
  }

  #killAll(): void {
    try {
      if (this.#guard.pid !== undefined) process.kill(-this.#guard.pid, "SIGKILL");
    } catch {
      // It ended in between.
    }
  }
}
