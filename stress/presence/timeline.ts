/** How many sessions there were from a moment on. */
interface Change {
  readonly atMs: number;
  readonly sessions: number;
  /** Not before this may a replica say that the last one is gone. */
  readonly goneFromMs: number;
}

/** One tab or device, while it is there. */
interface Stay {
  readonly tab: object;
  readonly since: Since;
}

/** When a session began: sure to within these. */
export interface Since {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** How a tab went. */
export interface End {
  /** How long it must not be missed. */
  readonly graceMs: number;
  /** Whether it was surely there. */
  readonly isSure: boolean;
}

/** The truth about one user, in all or in one channel, over time. Milliseconds since 1970. */
export class Timeline {
  #stays: Stay[] = [];
  readonly #changes: Change[] = [{ atMs: 0, sessions: 0, goneFromMs: 0 }];
  /** Of each tab that went: not before this may it be missed. */
  readonly #goneFromMs = new Map<object, number>();
  #seenMs = 0;

  get sessions(): number {
    return this.#stays.length;
  }

  /** When one that was surely there went last; 0: never. */
  get seenMs(): number {
    return this.#seenMs;
  }

  /** When the first of the tabs that are there came. */
  get since(): Since {
    return { earliestMs: Math.min(...this.#stays.map(({ since }) => since.earliestMs)), latestMs: Math.min(...this.#stays.map(({ since }) => since.latestMs)) };
  }

  came(tab: object, since: Since): void {
    if (this.#stays.some((stay) => stay.tab === tab)) return;
    this.#stays.push({ tab, since });
    this.#note();
  }

  went(tab: object, { graceMs, isSure }: End): void {
    if (isSure) this.#seenMs = Date.now();
    this.#stays = this.#stays.filter((stay) => stay.tab !== tab);
    // A later end of the same one counts instead: a goodbye after a return ends its grace.
    this.#goneFromMs.set(tab, Date.now() + graceMs);
    this.#note();
  }

  /** Whether a replica may say at `atMs` that the user came: they were there then, or not long before. */
  mayJoin(atMs: number, lagMs: number): boolean {
    return this.#between(atMs - lagMs, atMs).some(({ sessions }) => sessions > 0);
  }

  /** Whether a replica may say at `atMs` that the user went: they were gone, and their grace was over, then or not long before. */
  mayLeave(atMs: number, lagMs: number): boolean {
    return this.#between(atMs - lagMs, atMs).some(({ sessions, goneFromMs }, index, all) => {
      const backMs = (all[index + 1]?.atMs ?? Infinity) + CONNECT_MS;
      return sessions === 0 && goneFromMs <= Math.min(atMs, backMs) + EARLY_MS;
    });
  }

  #note(): void {
    this.#changes.push({ atMs: Date.now(), sessions: this.sessions, goneFromMs: Math.max(0, ...this.#goneFromMs.values()) });
  }

  /** What held at some time between two moments. */
  #between(fromMs: number, toMs: number): Change[] {
    return this.#changes.filter(({ atMs }, index) => atMs <= toMs + EARLY_MS && (this.#changes[index + 1]?.atMs ?? Infinity) >= fromMs);
  }
}

/** Who came back so late may have come too late. */
const CONNECT_MS = 1_500;
/** The connector's timers may be early by this, against the moment that was noted here after the deed. */
const EARLY_MS = 150;
