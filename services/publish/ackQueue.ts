/**
 * Acknowledgements in the order of their messages, at most `limit` of them under way. The one who reads messages waits in
 * `push` while it is full; the one who writes acknowledgements iterates.
 */
export class AckQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: Promise<T>[] = [];
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
    return this.#items.length;
  }

  /** Adds an acknowledgement to come, which must not reject; waits for room after it. False when nobody will read any more. */
  async push(item: Promise<T>): Promise<boolean> {
    this.#items.push(item);
    this.#wakeTaker();
    while (!this.#closed && this.#items.length >= this.#limit) await new Promise<void>((resolve) => { this.#wakePusher = resolve; });
    return !this.#closed;
  }

  /** Nothing comes any more; a `failure` is thrown to the one who iterates, behind the last acknowledgement. */
  end(failure?: Error): void {
    this.#ended = true;
    this.#failure = failure;
    this.#wakeTaker();
  }

  /** The acknowledgements, each when it is there. To be iterated once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const item = this.#items[0];
        if (item !== undefined) {
          yield await item;
          void this.#items.shift();
          this.#wakePusher();
        } else if (this.#ended) {
          if (this.#failure) throw this.#failure;
          return;
        } else await new Promise<void>((resolve) => { this.#wakeTaker = resolve; });
      }
    } finally {
      this.#closed = true;
      this.#wakePusher();
    }
  }
}
