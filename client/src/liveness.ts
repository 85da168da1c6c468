import { type Clock, type Timer } from "./clock.js";

/** Nothing heard for this many ping intervals: the connection is dead, whatever the browser says. */
const SILENT_INTERVALS = 1.5;
/** When the connector doesn't say how often it pings. */
const DEFAULT_INTERVAL_MS = 25_000;
/** Timers of browsers overflow far above this; connectors ping far more often. */
const LONGEST_INTERVAL_MS = 3_600_000;
/** Nothing heard for so long while an answer is late. */
const DOUBT_MS = 10_000;
/** After a wake, an answer must come within this. */
const WAKE_ANSWER_MS = 3_000;

/** Tells when a connection has been silent too long. Anything that comes is a sign of life. */
export class Liveness {
  readonly #clock: Clock;
  readonly #onSilence: (reason: string) => void;
  #heardAtMs = 0;
  #patienceMs = 0;
  #timer: Timer | undefined;
  #answer: Timer | undefined;
  /** When an answer was asked for. */
  #expectedAtMs = -Infinity;

  constructor(clock: Clock, onSilence: (reason: string) => void) {
    this.#clock = clock;
    this.#onSilence = onSilence;
  }

  /** Begins to watch a connection on which the connector pings at this interval. */
  watch(pingIntervalMs = DEFAULT_INTERVAL_MS): void {
    this.stop();
    this.#patienceMs = (pingIntervalMs > 0 ? Math.min(pingIntervalMs, LONGEST_INTERVAL_MS) : DEFAULT_INTERVAL_MS) * SILENT_INTERVALS;
    this.heard();
    this.#check();
  }

  /**
   * Something came; `askedAtMs`: when it was asked for (monotonic), where it is an answer. What was asked before a wake says
   * nothing of what was asked after it: a browser puts each poll on one of several TCP connections, and one may be dead.
   */
  heard(askedAtMs = Infinity): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    if (askedAtMs < this.#expectedAtMs) return;
    this.#answer?.cancel();
    this.#answer = undefined;
  }

  /** Something is asked: an answer, or anything else, must come soon. */
  expectAnswer(): void {
    if (this.#answer) return;
    this.#expectedAtMs = this.#clock.monotonicMs();
    this.#answer = this.#clock.after(WAKE_ANSWER_MS, () => this.#onSilence("no answer, where one was expected soon"));
  }

  /** An answer is late: the connection is dead where nothing else was heard meanwhile. */
  doubt(): void {
    if (this.#timer && this.#clock.monotonicMs() - this.#heardAtMs >= DOUBT_MS) this.#onSilence("an answer is late, and nothing else was heard");
  }

  stop(): void {
    this.#timer?.cancel();
    this.#answer?.cancel();
    this.#timer = this.#answer = undefined;
  }

  /** One timer that looks again when it would be too late, instead of one per message. */
  #check(): void {
    const leftMs = this.#heardAtMs + this.#patienceMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#onSilence("nothing was heard for too long");
    else this.#timer = this.#clock.after(leftMs, () => this.#check());
  }
}
