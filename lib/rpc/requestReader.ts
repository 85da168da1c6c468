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
    for (;;) {
      if (this.#failure) throw this.#failure;
      const bytes = this.#call.read() as Buffer | null;
      if (bytes !== null) return bytes;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
  }
}
