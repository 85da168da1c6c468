import type { Bus, BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";
import { storeTick, tickMark } from "../../../lib/bus/tick.js";
import type { Clock, Timer } from "../../../lib/clock.js";
import { readPlace } from "./messagePlace.js";
import type { Seen } from "./witness.js";

/** A tick is due after this long, in milliseconds. */
const TICK_MS = 3_000;
/** Connectors wait a random part of this longer, so that one of them sends and the others see it. */
const JITTER_MS = 1_000;

/**
 * How a tick follows the one that was seen before it: `whole`; `missed`, others were stored between and not seen; `broken`,
 * the one before was gone when it was stored.
 */
export type TickChain = "whole" | "missed" | "broken";

/** What ticks need. `wanted`: whether anybody looks at them now; without, none is sent. */
interface TicksParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly namespace: string;
  readonly wanted: () => boolean;
  /** Told of each tick, after it counts. */
  readonly onTick: (tick: Seen, chain: TickChain) => void;
}

/**
 * The ticks of one namespace: small messages through its stream, about every 3 s, from whichever connector misses one
 * first. They show that the way through the stream works, and up to which sequence it has been walked.
 */
export class Ticks {
  readonly #parts: TicksParts;
  #subscription: BusSubscription | undefined;
  #timer: Timer | undefined;
  #sequence = 0;
  #atMs = -Infinity;

  constructor(parts: TicksParts) {
    this.#parts = parts;
  }

  /** The stream sequence of the newest tick, 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** When the newest came (monotonic clock). */
  get atMs(): number {
    return this.#atMs;
  }

  start(): void {
    const { bus, namespace } = this.#parts;
    this.#subscription = bus.subscribe(subjects.tickRepublish(namespace), (message) => { this.#onTick(message); });
    this.#schedule(TICK_MS);
  }

  /** Somebody has begun to look: no need to wait a whole interval when the last tick is long ago. */
  hurry(): void {
    const { clock } = this.#parts;
    if (this.#timer && clock.monotonicMs() - this.#atMs > TICK_MS + JITTER_MS) this.#schedule(0);
  }

  /** The history is another one: its sequences begin anew. */
  forget(): void {
    this.#sequence = 0;
  }

  /** A tick that is stored: the newest that was seen, or, when that is long ago, one that is stored now. */
  async recent(): Promise<number> {
    const { bus, clock, namespace } = this.#parts;
    if (clock.monotonicMs() - this.#atMs <= TICK_MS + JITTER_MS) return this.#sequence;
    return storeTick(bus, namespace);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#subscription?.unsubscribe();
  }

  #onTick(message: BusMessage): void {
    const place = readPlace(message);
    if (place === undefined || place === "unreadable" || place.sequence <= this.#sequence) return;
    const chain = chainOf(place.previous, this.#sequence);
    this.#sequence = place.sequence;
    this.#atMs = this.#parts.clock.monotonicMs();
    this.#schedule(TICK_MS);
    const { namespace, onTick } = this.#parts;
    onTick({ sequence: place.sequence, subject: subjects.tick(namespace), data: message.data }, chain);
  }

  #schedule(delayMs: number): void {
    const { bus, clock, namespace, wanted } = this.#parts;
    this.#timer?.cancel();
    this.#timer = clock.after(delayMs + Math.random() * JITTER_MS, () => {
      if (bus.connected && wanted()) bus.publish(subjects.tick(namespace), tickMark());
      this.#schedule(TICK_MS);
    });
  }
}

function chainOf(previous: number, seen: number): TickChain {
  if (previous < seen) return "broken";
  return previous > seen && seen > 0 ? "missed" : "whole";
}
