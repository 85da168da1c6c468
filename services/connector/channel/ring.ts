import type { Publication, PublicationHolder } from "./publication.js";
import type { RingBudget } from "./ringBudget.js";

/** Below this many spent slots it is not worth moving the array. */
const COMPACT_AT = 256;

/**
 * The recent publications of one channel: **every** publication with an offset above `floor`, so that a client at or above
 * `floor` can be served from memory alone. Drops the oldest past its own bytes, and everything when the budget of all
 * rings asks for it; `floor` rises with what is dropped.
 */
export class Ring implements PublicationHolder {
  readonly #budget: RingBudget;
  readonly #maxBytes: number;
  /** Spent slots below `#head` hold nothing. */
  #publications: (Publication | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;
  /** What was taken last: many who poll stand at the same place. */
  #taken: { readonly offset: number; readonly maxMessages: number; readonly maxBytes: number; readonly publications: readonly Publication[] } | undefined;

  constructor(floor: number, maxBytes: number, budget: RingBudget) {
    this.#floor = floor;
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Everything above this offset is here. */
  get floor(): number {
    return this.#floor;
  }

  /** What is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the newest publication. Its offset must be above all others. */
  push(publication: Publication): void {
    this.#taken = undefined;
    this.#publications.push(publication);
    this.#count(publication);
    this.#trim();
  }

  /** One of its publications was encoded. */
  onGrow(bytes: number): void {
    this.#grow(bytes);
    this.#trim();
  }

  /**
   * Adds what was read below the floor: every publication above `floor`, up to the present one. Nothing happens where there
   * is no room for all of it.
   */
  extendDown(floor: number, publications: readonly Publication[]): void {
    const bytes = publications.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
    if (floor >= this.#floor || this.#bytes + bytes > this.#maxBytes) return;
    this.#taken = undefined;
    this.#publications = [...publications, ...this.#publications.slice(this.#head)];
    this.#head = 0;
    this.#floor = floor;
    for (const publication of publications) this.#count(publication);
    this.#budget.used(this);
  }

  /**
   * The publications above an offset (which must not be below the floor), oldest first, within the limits but at least one. The
   * same array for the same question as long as nothing has changed, so that what is made of it can be made once.
   */
  since(offset: number, maxMessages: number, maxBytes: number): readonly Publication[] {
    const last = this.#taken;
    if (last?.offset === offset && last.maxMessages === maxMessages && last.maxBytes === maxBytes) return last.publications;
    const publications = this.#take(offset, maxMessages, maxBytes);
    this.#taken = { offset, maxMessages, maxBytes, publications };
    return publications;
  }

  #take(offset: number, maxMessages: number, maxBytes: number): Publication[] {
    const taken: Publication[] = [];
    let bytes = 0;
    for (let at = this.#firstAbove(offset); at < this.#publications.length; at++) {
      const publication = this.#publications[at];
      if (!publication || taken.length >= maxMessages || bytes >= maxBytes) break;
      taken.push(publication);
      bytes += publication.heldBytes;
    }
    return taken;
  }

  /** Whether there is a publication above an offset. */
  hasAbove(offset: number): boolean {
    return (this.#publications.at(-1)?.offset ?? 0) > offset;
  }

  /** Forgets everything; the floor rises to `floor`. */
  clear(floor: number): void {
    for (const publication of this.#publications) if (publication) publication.holder = undefined;
    this.#taken = undefined;
    this.#grow(-this.#bytes);
    this.#publications = [];
    this.#head = 0;
    this.#floor = floor;
    this.#budget.forget(this);
  }

  /** Forgets everything because memory is wanted elsewhere. */
  evict(): void {
    this.clear(this.#publications.at(-1)?.offset ?? this.#floor);
  }

  #dropOldest(): void {
    const oldest = this.#publications[this.#head];
    if (!oldest) return;
    this.#taken = undefined;
    this.#publications[this.#head] = undefined;
    this.#head += 1;
    this.#floor = oldest.offset;
    oldest.holder = undefined;
    this.#grow(-oldest.heldBytes);
    if (this.#head >= COMPACT_AT && this.#head * 2 > this.#publications.length) {
      this.#publications = this.#publications.slice(this.#head);
      this.#head = 0;
    }
  }

  #count(publication: Publication): void {
    publication.holder = this;
    this.#grow(publication.heldBytes);
  }

  #trim(): void {
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
    this.#budget.used(this);
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.grow(bytes);
  }

  #firstAbove(offset: number): number {
    let low = this.#head;
    let high = this.#publications.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#publications[middle]?.offset ?? Infinity) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
