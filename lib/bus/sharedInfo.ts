import type { Clock } from "../clock.js";
import type { StreamInfo } from "./streamInfo.js";

/** The least time between two requests, in milliseconds. */
const SHARE_MS = 20;

/**
 * Asks for a stream's info at most once in 20 ms. Every caller gets one that was **sent after it asked**, so whatever the
 * caller has read before is no newer than the info; callers in between share a request.
 */
export class SharedInfo {
  readonly #fetch: () => Promise<StreamInfo>;
  readonly #clock: Clock;
  #lastSentMs = -Infinity;
  #next: Promise<StreamInfo> | undefined;

  constructor(fetch: () => Promise<StreamInfo>, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** An info that was sent after this call. Throws what the fetch throws. */
  afterNow(): Promise<StreamInfo> {
    this.#next ??= new Promise((resolve, reject) => {
      const send = (): void => {
        this.#next = undefined;
        this.#lastSentMs = this.#clock.monotonicMs();
        this.#fetch().then(resolve, reject);
      };
      this.#clock.after(Math.max(0, this.#lastSentMs + SHARE_MS - this.#clock.monotonicMs()), send);
    });
    return this.#next;
  }
}
