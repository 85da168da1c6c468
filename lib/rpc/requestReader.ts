import type { ServerDuplexStream } from "@grpc/grpc-js";

/**
 * Reads a call's requests one at a time. Nothing is taken from the transport while nobody reads: the caller's HTTP/2 window
 * fills up, and it pauses.
 */
export class RequestReader {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  #wake: () => void = () => undefined;
  #ended = false;
  #failure: Error | undefined;

  constructor(call: ServerDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    call.on("readable", () => { this.#wake(); });
    call.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Makes every further `next` throw, the one that waits included. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** The next request; undefined after the last. Throws what `fail` was given. Not to be called again before it resolves. */
  async next(): Promise<Buffer | undefined> {
    return (await this.nextOf(1))?.[0];
  }

  /** Like `next`: the requests that are there, `limit` at most. */
  async nextOf(limit: number): Promise<readonly Buffer[] | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const there = this.#take(limit);
      if (there.length > 0) return there;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
  }

  #take(limit: number): Buffer[] {
    const taken: Buffer[] = [];
    while (taken.length < limit) {
      const bytes = this.#call.read() as Buffer | null;
      if (bytes === null) break;
      taken.push(bytes);
    }
    return taken;
  }
}
