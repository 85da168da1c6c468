/** Something whose memory can be taken back. */
interface Evictable {
  evict(): void;
}

/** The memory that all rings of a connector share: past it the rings that were longest unused are emptied. */
export class RingBudget {
  readonly #maxBytes: number;
  /** In order of use, longest unused first. */
  readonly #inUse = new Set<Evictable>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What all rings hold, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A ring grew (or shrank) by so many bytes. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** A ring was used and may have grown: it is the last to go now, others may have to. */
  used(ring: Evictable): void {
    this.#inUse.delete(ring);
    this.#inUse.add(ring);
    for (const longestUnused of this.#inUse) {
      if (this.#bytes <= this.#maxBytes || longestUnused === ring) return;
      longestUnused.evict();
    }
  }

  /** A ring is empty. */
  forget(ring: Evictable): void {
    this.#inUse.delete(ring);
  }
}
