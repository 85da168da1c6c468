/** A message that comes so soon after the one before was written to everybody has waited for that, in the socket: they belong together. */
const TOGETHER_MS = 0.3;
/** How many messages that came alone show that there are no bursts any more. */
const SURE = 4;

/**
 * Whether the messages of a channel come in bursts that are cut by their own writing: the first of a burst arrives, is written to
 * thousands, and the rest must be written to all of them again. Whoever waits a millisecond for the rest writes once.
 *
 *     one by one:     m1 | write 8 ms | .... | m2 | write 8 ms       never seen close together: not bursty
 *     burst of three: m1 | write 8 ms | m2 m3 | write 8 ms           m2 was there when the writing ended: bursty from here on
 */
export class Bursts {
  #evidence = 0;

  /** Whether it pays to wait for what follows a first message. */
  get areLikely(): boolean {
    return this.#evidence > 0;
  }

  /** The first message of a turn came, so long after the last writing had ended. */
  onFirst(sinceWritingMs: number): void {
    if (sinceWritingMs < TOGETHER_MS) this.#evidence = SURE;
  }

  /** So many were handed over together after waiting. */
  onGathered(count: number): void {
    this.#evidence = count > 1 ? SURE : Math.max(0, this.#evidence - 1);
  }
}
