import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { GuardedChild } from "../../cli/nats/guardedChild.js";

const LIMIT_MS = 10_000;

/** Asks until there is an answer of a program that was just started. Throws when the program ends, or takes 10 s. */
export async function until<Answer>(program: GuardedChild, ask: () => Promise<Answer | undefined> | Answer | undefined, signal: AbortSignal): Promise<Answer> {
  const limit = new AbortController();
  void program.ended.then(() => { limit.abort(new Error(`a peer did not start: ${program.errors.trim()}`)); });
  const deadlineMs = performance.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    signal.throwIfAborted();
    limit.signal.throwIfAborted();
    if (performance.now() > deadlineMs) throw new Error("a peer did not start in time");
    await pause(20);
  }
}

/** A file's text; empty where there is no such file. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
