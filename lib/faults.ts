import type { Log } from "./log.js";

/**
 * What went wrong while many were served in turn, so that nobody's fault keeps the others from their turn. Told in one line, however
 * many they were.
 */
export class Faults {
  #first: unknown;
  #count = 0;

  add(error: unknown): void {
    if (this.#count === 0) this.#first = error;
    this.#count += 1;
  }

  /** Logs the first of them, and how many they are. Never throws. */
  tell(log: Log, message: string): void {
    try {
      log.error({ err: this.#first, faults: this.#count }, message);
    } catch {
      // A log that can't be written to must not end what goes on without it.
    }
  }
}
