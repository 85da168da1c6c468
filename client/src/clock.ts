/** A timer that its owner can cancel. */
export interface Timer {
  /** Idempotent; the callback does not run after this returns. */
  cancel(): void;
}

/** The source of time, so that tests decide what time it is. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonicMs(): number;
  /** Runs `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The clock of the browser. */
export const browserClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => { clearTimeout(handle); } };
  },
};
