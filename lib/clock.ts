/** A timer that its owner can cancel. */
export interface Timer {
  /** Idempotent; the callback does not run after this returns. */
  cancel(): void;
}

/**
 * The source of time for everything that has timers or stamps. Domain code takes one instead of `Date.now()` and
 * `setTimeout()`, so that its tests decide what time it is.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start. Never goes back; for measuring durations. */
  monotonicMs(): number;
  /** Runs `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` every `intervalMs` until cancelled. */
  every(intervalMs: number, callback: () => void): Timer;
}

/** Timers of `systemClock` that are still to run, or repeat, in this process. What grows for ever here is a leak. */
export function countTimers(): number {
  return timers;
}

let timers = 0;

class SystemTimer implements Timer {
  readonly #cancel: () => void;
  #isActive = true;

  constructor(cancel: () => void) {
    this.#cancel = cancel;
    timers += 1;
  }

  end(): void {
    if (this.#isActive) timers -= 1;
    this.#isActive = false;
  }

  cancel(): void {
    this.end();
    this.#cancel();
  }
}

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(() => {
      timer.end();
      callback();
    }, delayMs);
    handle.unref();
    const timer = new SystemTimer(() => { clearTimeout(handle); });
    return timer;
  },
  every(intervalMs, callback) {
    const handle = setInterval(callback, intervalMs);
    handle.unref();
    return new SystemTimer(() => { clearInterval(handle); });
  },
};

/** Resolves `delayMs` from now; rejects with the signal's reason when that is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(abortReason(signal));
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error("aborted");
}
