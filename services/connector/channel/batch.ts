import type { Publication } from "./publication.js";

/**
 * Publications of one channel that came together, in order, at least one. Every subscriber is handed the same object, so
 * that what is made of it is made once.
 */
export class Batch {
  readonly publications: readonly [Publication, ...Publication[]];
  /** The channel's offset before the first. */
  readonly before: number;

  constructor(publications: readonly [Publication, ...Publication[]], before: number) {
    this.publications = publications;
    this.before = before;
  }

  /** What lies above an offset: this one, the end of it, or nothing. */
  above(offset: number): Batch | undefined {
    if (offset < this.publications[0].offset) return this;
    const [first, ...rest] = this.publications.filter((publication) => publication.offset > offset);
    return first && new Batch([first, ...rest], offset);
  }
}
