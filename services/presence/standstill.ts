import type { Clock } from "../../lib/clock.js";

const LOOK_EVERY_MS = 500;
/** No machine that is merely busy keeps a process waiting for so long. */
const LIMIT_MS = 2_000;

/** Notices that this process stood still: it was frozen, or could not run. */
export class Standstill {
  readonly #clock: Clock;
  readonly #onEnd: (forMs: number) => void;
  readonly #stop: () => void;
  #ranAtMs: number;

  /** `onEnd` runs when a standstill is noticed. */
  constructor(clock: Clock, onEnd: (forMs: number) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#ranAtMs = clock.monotonicMs();
    const timer = clock.every(LOOK_EVERY_MS, () => { this.look(); });
    this.#stop = () => { timer.cancel(); };
  }

  /** To be called before anything is handled that may have waited: whatever comes first sees it, timers come late. */
  look(): void {
    const nowMs = this.#clock.monotonicMs();
    const forMs = nowMs - this.#ranAtMs;
    this.#ranAtMs = nowMs;
    if (forMs > LIMIT_MS) this.#onEnd(forMs);
  }

  stop(): void {
    this.#stop();
  }
}
