import { ConfigError } from "./config/configError.js";

/** Something that was started and can be ended. */
export interface Running {
  /** Finishes what is under way, then frees everything. Idempotent. Resolves within the service's stated time. */
  stop(): Promise<void>;
}

/** Something that takes its time after it was started. */
export interface StartedService extends Running {
  /** Resolves when it can do its work; rejects when that can never be, or it was stopped before. */
  readonly ready?: Promise<void>;
}

/** The end of patience with a stop. */
const STOP_LIMIT_MS = 60_000;

/**
 * Starts a process's work and ends it on SIGTERM or SIGINT. A start that waits for something gives that up when its signal
 * aborts: it frees what it has, and throws. Exit codes: 0 after a clean stop, 1 when the start or the stop
 * failed or the work can never be ready (one sentence for each problem on standard error), 2 for a configuration that
 * can't be used.
 */
export async function runUntilSignal(start: (signal: AbortSignal) => Promise<StartedService>): Promise<void> {
  let running: StartedService;
  let stopping = false;
  // From the beginning: what comes during the start ends what was started, as soon as that is known.
  const signalled = firstSignal();
  const abort = new AbortController();
  void signalled.then(() => { abort.abort(new Error("a signal ended the start")); });
  try {
    running = await start(abort.signal);
  } catch (error) {
    if (abort.signal.aborted && error === abort.signal.reason) process.exit(0);
    exitWithProblems(error);
  }
  // Not ready yet is no failure; never to become ready is. Stopped before it was ready is neither.
  running.ready?.catch((error: unknown) => { if (!stopping) exitWithProblems(error); });
  await signalled;
  stopping = true;
  try {
    await running.stop();
  } catch (error) {
    exitWithProblems(error);
  }
  process.exit(0);
}

/** Resolves with the first signal; from then on a second one like it, or 60 s, end the process. */
function firstSignal(): Promise<void> {
  const giveUp = (): never => process.exit(1);
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.once(name, () => {
        process.once(name, giveUp);
        setTimeout(giveUp, STOP_LIMIT_MS).unref();
        resolve();
      });
    }
  });
}

/** Prints why a process can't go on, a sentence a line, and exits with 2 for a configuration, 1 for anything else. */
export function exitWithProblems(error: unknown): never {
  const problems = error instanceof ConfigError ? error.problems : [error instanceof Error ? error.message : String(error)];
  for (const problem of problems) process.stderr.write(`halley: ${problem}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}

/**
 * Owns things that were started one after another; `stop` ends them in the opposite order, each of them also when another
 * one fails, and then throws the first failure.
 */
export class StartedParts implements Running {
  readonly #stops: (() => Promise<void> | void)[] = [];

  /** Takes over the ending of a part and gives it back. */
  add<T>(part: T, stop: (part: T) => Promise<void> | void): T {
    this.#stops.push(() => stop(part));
    return part;
  }

  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
