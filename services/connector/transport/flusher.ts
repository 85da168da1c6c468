import { type Clock, systemClock, type Timer } from "../../../lib/clock.js";
import { Faults } from "../../../lib/faults.js";
import type { Log } from "../../../lib/log.js";
import type { Deliverable, TurnEnd } from "../channel/turnEnd.js";
import type { Codec } from "../protocol/codec.js";
import { FrameChain } from "./frameChain.js";

/** How long the rest of a burst is waited for. */
const GATHER_MS = 1;

/** Something that has frames to write. */
interface Flushable {
  flush(): void;
  /** `flush` threw. Never throws. */
  onFault(): void;
}

/**
 * Has everything that became due in one turn of the event loop handed over and written at its end: each connection once, and connections for
 * which the same waits with one shared message. Whoever throws keeps nobody else from their turn.
 */
export class Flusher implements TurnEnd {
  readonly #chains = new Map<Codec, FrameChain>();
  #fanouts: Deliverable[] = [];
  readonly #log: Log;
  readonly #clock: Clock;
  #due: Flushable[] = [];
  #scheduled = false;
  #soon: Deliverable[] = [];
  #gathering: Timer | undefined;
  #writing = 1;
  #writtenAtMs = -Infinity;

  constructor(log: Log, clock: Clock = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  get writing(): number {
    return this.#writing;
  }

  sinceWritingMs(writing: number): number {
    return writing === this.#writing - 1 ? this.#clock.monotonicMs() - this.#writtenAtMs : Infinity;
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
    this.#gathering ??= this.#clock.after(GATHER_MS, () => { this.#gathered(); });
  }

  /** `writer.flush()` will be called at the end of this turn, once for each time that it was asked for. */
  schedule(writer: Flushable): void {
    this.#due.push(writer);
    this.#schedule();
  }

  /** Hands over and writes what waits for the rest of a burst. Idempotent. */
  close(): void {
    if (!this.#gathering) return;
    this.#gathering.cancel();
    this.#gathered();
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#fanouts.push(...this.#soon.splice(0));
    this.#flush();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => { this.#flush(); });
  }

  #flush(): void {
    const fanouts = this.#fanouts;
    this.#fanouts = [];
    this.#deliver(fanouts);
    const due = this.#due;
    this.#due = [];
    this.#scheduled = false;
    for (const chain of this.#chains.values()) chain.beginFlush();
    this.#write(due);
    if (due.length === 0) return;
    this.#writing += 1;
    this.#writtenAtMs = this.#clock.monotonicMs();
  }

  #deliver(fanouts: readonly Deliverable[]): void {
    let faults: Faults | undefined;
    for (const fanout of fanouts) {
      try {
        fanout.deliver();
      } catch (error) {
        (faults ??= new Faults()).add(error);
      }
    }
    faults?.tell(this.#log, "what came on a channel could not be handed over");
  }

  #write(writers: readonly Flushable[]): void {
    let faults: Faults | undefined;
    for (const writer of writers) {
      try {
        writer.flush();
      } catch (error) {
        (faults ??= new Faults()).add(error);
        writer.onFault();
      }
    }
    faults?.tell(this.#log, "what waited for clients could not be written; they were closed with 3005");
  }
}
