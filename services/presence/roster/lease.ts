import type { ConnectorCounters, Heartbeat } from "../../../gen/halley/v1/heartbeat.js";
import type { Channel } from "./channelTable.js";

/** Heartbeats kept while a snapshot is awaited, and changes in them; past this the oldest go, and another snapshot is asked for. */
const MAX_HELD = 1_024;
const MAX_HELD_CHANGES = 262_144;
/** Rates are taken over at least this long, so that two heartbeats in a row don't make a peak. */
const RATE_SPAN_MS = 1_000;

/** What is known of the process behind a connector's name while it is heard. */
export class Lease {
  /** Its incarnation, in hex. */
  readonly incarnation: string;
  /** The last heartbeat that was applied. */
  number: number;
  /** Whether everything up to `number` is applied; else a snapshot is needed. */
  synced: boolean;
  heardAtMs: number;
  /** The sessions subscribed to each channel there. */
  readonly subscribers = new Map<Channel, number>();
  readonly #held = new Map<number, Heartbeat>();
  #heldChanges = 0;
  #counters: ConnectorCounters = { startedMs: 0, publications: 0, deliveries: 0 };
  #base: { readonly atMs: number; readonly counters: ConnectorCounters } | undefined;
  #publicationsPerSecond = 0;
  #deliveriesPerSecond = 0;

  /** A lease that knows nothing so far: heartbeat 1 or a snapshot makes it whole. */
  constructor(incarnation: string, nowMs: number) {
    this.incarnation = incarnation;
    this.number = 0;
    this.synced = true;
    this.heardAtMs = nowMs;
  }

  /** When the process began, milliseconds since 1970; 0 when it never said. */
  get startedMs(): number {
    return this.#counters.startedMs;
  }

  /** Publications and deliveries per second, over the last heartbeats. */
  get rates(): { readonly publicationsPerSecond: number; readonly deliveriesPerSecond: number } {
    return { publicationsPerSecond: this.#publicationsPerSecond, deliveriesPerSecond: this.#deliveriesPerSecond };
  }

  /** Takes the running totals that came at `nowMs`. */
  count(counters: ConnectorCounters | undefined, nowMs: number): void {
    if (!counters) return;
    this.#counters = counters;
    const base = this.#base;
    const spanMs = base ? nowMs - base.atMs : 0;
    if (base && spanMs < RATE_SPAN_MS) return;
    if (base) {
      this.#publicationsPerSecond = (Math.max(0, counters.publications - base.counters.publications) * 1_000) / spanMs;
      this.#deliveriesPerSecond = (Math.max(0, counters.deliveries - base.counters.deliveries) * 1_000) / spanMs;
    }
    this.#base = { atMs: nowMs, counters };
  }

  /** Keeps a heartbeat that can't be applied yet. */
  hold(heartbeat: Heartbeat): void {
    this.#drop(heartbeat.number);
    this.#held.set(heartbeat.number, heartbeat);
    this.#heldChanges += changesIn(heartbeat);
    while (this.#held.size > MAX_HELD || (this.#heldChanges > MAX_HELD_CHANGES && this.#held.size > 1)) {
      const [oldest] = this.#held.keys();
      if (oldest !== undefined) this.#drop(oldest);
    }
  }

  /** Gives the held heartbeat that comes next, if it is here, and drops what is too old. */
  takeNext(): Heartbeat | undefined {
    for (const number of this.#held.keys()) if (number <= this.number) this.#drop(number);
    const next = this.#held.get(this.number + 1);
    if (next) this.#drop(next.number);
    return next;
  }

  /** Whether nothing is held. */
  get holdsNothing(): boolean {
    return this.#held.size === 0;
  }

  #drop(number: number): void {
    const held = this.#held.get(number);
    if (held && this.#held.delete(number)) this.#heldChanges -= changesIn(held);
  }
}

function changesIn({ changes, counts }: Heartbeat): number {
  return changes.length + counts.length;
}
