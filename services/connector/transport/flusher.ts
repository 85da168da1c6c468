import type { Codec } from "../protocol/codec.js";
import { FrameChain } from "./frameChain.js";

/** Something that has frames to write. */
interface Flushable {
  flush(): void;
}

/**
 * Writes everything that became due in one turn of the event loop at its end: each connection once, and connections for
 * which the same waits with one shared message.
 */
export class Flusher {
  readonly #chains = new Map<Codec, FrameChain>();
  #due: Flushable[] = [];
  #scheduled = false;

  /** The chains of a codec. */
  chainOf(codec: Codec): FrameChain {
    let chain = this.#chains.get(codec);
    if (!chain) {
      chain = new FrameChain(codec);
      this.#chains.set(codec, chain);
    }
    return chain;
  }

  /** `writer.flush()` will be called at the end of this turn. To be called once a turn. */
  schedule(writer: Flushable): void {
    this.#due.push(writer);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => { this.#flush(); });
  }

  #flush(): void {
    const due = this.#due;
    this.#due = [];
    this.#scheduled = false;
    for (const chain of this.#chains.values()) chain.beginFlush();
    for (const writer of due) writer.flush();
  }
}
