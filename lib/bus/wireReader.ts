import type { Clock } from "../clock.js";
import type { Log } from "../log.js";
import type { BusMessage } from "./bus.js";

/** What reading needs. */
export interface WireReaderOptions<T> {
  /** Throws where the bytes are something else. */
  readonly decode: (bytes: Uint8Array) => T;
  readonly clock: Clock;
  readonly log: Log;
}

/** At most one line a second: who sends garbage must not fill the disk. */
const LOG_EVERY_MS = 1_000;

/** Reads the messages of other parts of Halley. What can't be read is logged, at most once a second, and dropped. */
export class WireReader<T> {
  readonly #options: WireReaderOptions<T>;
  #loggedAtMs = -Infinity;
  #unlogged = 0;

  constructor(options: WireReaderOptions<T>) {
    this.#options = options;
  }

  /** The message; undefined where its bytes are something else. Never throws. */
  read({ subject, data }: Pick<BusMessage, "subject" | "data">): T | undefined {
    try {
      return this.#options.decode(data);
    } catch (error) {
      this.#logNow(subject, error);
      return undefined;
    }
  }

  #logNow(subject: string, error: unknown): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) {
      this.#unlogged += 1;
      return;
    }
    this.#loggedAtMs = nowMs;
    log.warn({ subject, reason: error instanceof Error ? error.message : String(error), unlogged: this.#unlogged }, "a message of another part of Halley can't be read");
    this.#unlogged = 0;
  }
}
