interface Slot<T> {
  acknowledgement: T | undefined;
}

/**
 * Acknowledgements in the order of their messages, at most `limit` of them under way. The one who reads messages waits for
 * room; the one who writes acknowledgements iterates, and gets in one piece those that are there.
 */
export class AckQueue<T extends object> implements AsyncIterable<readonly T[]> {
  readonly #limit: number;
  readonly #slots: Slot<T>[] = [];
  #wakeTaker: () => void = () => undefined;
  #wakePusher: () => void = () => undefined;
  #closed = false;
  #ended = false;
  #failure: Error | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are under way. */
  get size(): number {
    return this.#slots.length;
  }

  /** Adds an acknowledgement to come, which must not reject. There must be room. */
  push(coming: Promise<T>): void {
    const slot: Slot<T> = { acknowledgement: undefined };
    this.#slots.push(slot);
    void coming.then((acknowledgement) => {
      slot.acknowledgement = acknowledgement;
      if (this.#slots[0] === slot) this.#wakeTaker();
    });
  }

  /** Whether nothing need be waited for before the next `push`. */
  get hasRoom(): boolean {
    return !this.#closed && this.#slots.length < this.#limit;
  }

  /** Waits for room. False when nobody will read any more. */
  async room(): Promise<boolean> {
    while (!this.#closed && this.#slots.length >= this.#limit) await new Promise<void>((resolve) => { this.#wakePusher = resolve; });
    return !this.#closed;
  }

  /** Nothing comes any more; a `failure` is thrown to the one who iterates, behind the last acknowledgement. */
  end(failure?: Error): void {
    this.#ended = true;
    this.#failure = failure;
    this.#wakeTaker();
  }

  /** The acknowledgements, each when it and those before are there. To be iterated once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[], void> {
    try {
      for (;;) {
        const there = this.#take();
        if (there.length > 0) {
          this.#wakePusher();
          yield there;
        } else if (this.#ended && this.#slots.length === 0) {
          if (this.#failure) throw this.#failure;
          return;
        } else await new Promise<void>((resolve) => { this.#wakeTaker = resolve; });
      }
    } finally {
      this.#closed = true;
      this.#wakePusher();
    }
  }

  #take(): T[] {
    const there: T[] = [];
    for (const { acknowledgement } of this.#slots) {
      if (acknowledgement === undefined) break;
      there.push(acknowledgement);
    }
    this.#slots.splice(0, there.length);
    return there;
  }
}
