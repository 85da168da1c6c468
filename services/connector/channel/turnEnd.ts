/** Something that has publications to hand over. */
export interface Deliverable {
  /** Hands over what waits, if anything does. */
  deliver(): void;
}

/** The end of this turn of the event loop, as channels see it. */
export interface TurnEnd {
  /** `fanout.deliver()` will be called then, once for each time that it was asked for. */
  deliverAtEnd(fanout: Deliverable): void;
  /** The same about a millisecond later. */
  deliverSoon(fanout: Deliverable): void;
  /** The number of the writing that comes next, or is under way. */
  readonly writing: number;
  /** Milliseconds since this writing ended; Infinity while it has not, and where another came after it. */
  sinceWritingMs(writing: number): number;
}
