/** What happened, and when. */
interface Entry {
  readonly atMs: number;
  readonly text: string;
}

const KEPT = 2_000;

/** What was done to an installation, in order, to be read where something went wrong after it. */
export class Journal {
  readonly #beganMs = Date.now();
  #entries: Entry[] = [];
  #faults = 0;

  /** How many faults were injected. */
  get faults(): number {
    return this.#faults;
  }

  /** A fault is injected. */
  fault(text: string): void {
    this.#faults += 1;
    this.note(text);
  }

  /** Something happened that is no fault of its own. */
  note(text: string): void {
    this.#entries.push({ atMs: Date.now(), text });
    if (this.#entries.length > KEPT) this.#entries = this.#entries.slice(-KEPT / 2);
  }

  /** Lines, from a moment on (milliseconds since 1970). */
  since(fromMs: number): string[] {
    return this.#entries.filter(({ atMs }) => atMs >= fromMs).map(({ atMs, text }) => `${this.clock(atMs)} ${text}`);
  }

  /** A moment as seconds since the beginning. */
  clock(atMs: number): string {
    return `${((atMs - this.#beganMs) / 1_000).toFixed(2).padStart(8)} s`;
  }
}
