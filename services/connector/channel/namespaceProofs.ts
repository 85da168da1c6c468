import type { Clock } from "../../../lib/clock.js";

/** Up to where all live channels of a namespace are proven to be whole. */
export interface NamespaceProof {
  /** Rises from proof to proof. A channel that was live before this one was begun is proven by it. */
  readonly serial: number;
  /** The sequence up to which it proves. */
  readonly sequence: number;
  /** When it held already (monotonic clock). */
  readonly atMs: number;
}

const NONE: NamespaceProof = { serial: 0, sequence: 0, atMs: 0 };

/** The proofs of one namespace. One takes time: between its beginning and its end more channels may become live. */
export class NamespaceProofs {
  readonly #clock: Clock;
  #begun = 0;
  #newest = NONE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest that is complete; serial 0 before the first. */
  get newest(): NamespaceProof {
    return this.#newest;
  }

  /** The serial of the newest that was begun, complete or not. */
  get begun(): number {
    return this.#begun;
  }

  /** Begins a proof: it will hold for the channels that are live now. Gives its serial. */
  begin(): number {
    this.#begun += 1;
    return this.#begun;
  }

  /** Everything up to `sequence` was seen, or is being read, by the channels that were live when this proof was begun; as of `atMs`. */
  complete(serial: number, sequence: number, atMs = this.#clock.monotonicMs()): void {
    if (serial <= this.#newest.serial || sequence < this.#newest.sequence) return;
    this.#newest = { serial, sequence, atMs };
  }

  /** The history is another one: its sequences begin anew, and what was begun proves nothing of it. */
  forget(): void {
    this.#newest = { ...NONE, serial: this.#begun };
  }
}
