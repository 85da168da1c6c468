import { type Clock, systemClock } from "../../../lib/clock.js";
import type { TurnEnd } from "../channel/fanout.js";
import type { Codec } from "../protocol/codec.js";
import { FrameChain } from "./frameChain.js";

/** How long the rest of a burst is waited for. */
const GATHER_MS = 1;

/** Something that has publications to hand over. */
interface Deliverable {
  deliver(): void;
}

/** Something that has frames to write. */
interface Flushable {
  flush(): void;
}

/**
 * Has everything that became due in one turn of the event loop handed over and written at its end: each connection once, and connections for
 * which the same waits with one shared message.
 */
export class Flusher implements TurnEnd {
  readonly #chains = new Map<Codec, FrameChain>();
  #fanouts: Deliverable[] = [];
  readonly #clock: Clock;
  #due: Flushable[] = [];
  #scheduled = false;
  #soon: Deliverable[] = [];
  #writtenAtMs = -Infinity;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get sinceWritingMs(): number {
    return this.#clock.monotonicMs() - this.#writtenAtMs;
  }

  /** The chains of a codec. */
  chainOf(codec: Codec): FrameChain {
    let chain = this.#chains.get(codec);
    if (!chain) {
      chain = new FrameChain(codec);
      this.#chains.set(codec, chain);
    }
    return chain;
  }

  deliverAtEnd(fanout: Deliverable): void {
    this.#fanouts.push(fanout);
    this.#schedule();
  }

  deliverSoon(fanout: Deliverable): void {
    this.#soon.push(fanout);
    if (this.#soon.length > 1) return;
    this.#clock.after(GATHER_MS, () => {
      const due = this.#soon;
      this.#soon = [];
      this.#fanouts.push(...due);
      this.#flush();
    });
  }

  /** `writer.flush()` will be called at the end of this turn. To be called once a turn. */
  schedule(writer: Flushable): void {
    this.#due.push(writer);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => { this.#flush(); });
  }

  #flush(): void {
    const fanouts = this.#fanouts;
    this.#fanouts = [];
    for (const fanout of fanouts) fanout.deliver();
    const due = this.#due;
    this.#due = [];
    this.#scheduled = false;
    for (const chain of this.#chains.values()) chain.beginFlush();
    for (const writer of due) writer.flush();
    this.#writtenAtMs = this.#clock.monotonicMs();
  }
}
