import type { Clock } from "../../../lib/clock.js";
import type { NamespaceProofs } from "./namespaceProofs.js";

/** Up to where one channel was seen, and up to where it is proven that nothing more was there. */
export class Standing {
  readonly #proofs: NamespaceProofs;
  readonly #clock: Clock;
  #epoch = "";
  #last = 0;
  #proven = 0;
  #provenAtMs = 0;
  /** Proofs of the namespace that are newer than this one hold for the channel, while it is live. */
  #since = Infinity;
  #isLive = false;

  constructor(proofs: NamespaceProofs, clock: Clock) {
    this.#proofs = proofs;
    this.#clock = clock;
  }

  /** The history in which the sequences mean something. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The newest sequence seen. */
  get last(): number {
    return this.#last;
  }

  /** At or above `last`: nothing on the channel is between them. */
  get proven(): number {
    return Math.max(this.#proven, this.watermark ?? 0);
  }

  /** When it was last proven (monotonic clock). */
  get provenAtMs(): number {
    return this.#provenAtMs;
  }

  /** Up to where the whole namespace is proven, where that holds for this channel too. */
  get watermark(): number | undefined {
    const { serial, sequence } = this.#proofs.newest;
    return this.#isLive && serial > this.#since ? sequence : undefined;
  }

  /** Begins in a history, at its newest message. */
  begin(epoch: string, last: number, proven: number): void {
    this.#epoch = epoch;
    this.#last = last;
    this.#proven = Math.max(last, proven);
  }

  /** Everything up to here was seen. */
  see(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
    this.prove(this.#last);
  }

  /** Nothing is between what was seen and here. */
  prove(sequence: number): void {
    this.#proven = Math.max(this.#proven, sequence);
  }

  /** It is so at this moment. */
  confirm(): void {
    this.#provenAtMs = this.#clock.monotonicMs();
  }

  /** Later proofs of the namespace than this one hold for the channel. */
  trustAfter(serial: number): void {
    this.#since = serial;
  }

  /** No proof of the namespace holds any more. */
  distrust(): void {
    this.#keep();
    this.#since = Infinity;
  }

  enterLive(): void {
    this.#isLive = true;
  }

  leaveLive(): void {
    this.#keep();
    this.#isLive = false;
  }

  /** What was proven by the namespace stays proven. */
  #keep(): void {
    const { watermark } = this;
    if (watermark === undefined) return;
    this.prove(watermark);
    this.#provenAtMs = this.#proofs.newest.atMs;
  }
}
