import { type Metadata, type ServerDuplexStream, status as codes } from "@grpc/grpc-js";
import { RpcError } from "../errors/rpcError.js";
import type { Log } from "../log.js";
import type { CallContext } from "./callContext.js";
import { RequestReader } from "./requestReader.js";
import type { BoundMethod } from "./rpcService.js";
import { grpcStatusOf } from "./status.js";

type GrpcCall = ServerDuplexStream<Buffer, Buffer>;

/** Requests of a stream that are handed over together. */
const MAX_PIECE = 64;

/**
 * One call, from its metadata to its status. There is one for all kinds: on the wire a unary call is a stream with one
 * message each way, so every method is registered as a bidirectional stream of bytes. Handlers know it as their `CallContext`; an
 * object literal with getters instead would be a hidden class for each call, which keeps the call until a whole garbage collection.
 */
export class ServerCall implements CallContext {
  readonly #call: GrpcCall;
  readonly #method: BoundMethod;
  readonly #log: Log;
  readonly #reader: RequestReader;
  #abort: AbortController | undefined;
  #aborted: RpcError | undefined;
  #finished = false;

  constructor(call: GrpcCall, method: BoundMethod, log: Log) {
    this.#call = call;
    this.#method = method;
    this.#log = log;
    this.#reader = new RequestReader(call);
    call.on("cancelled", () => { this.#onCancelled(); });
  }

  /** Made when a handler first asks: most don't, and an AbortController costs as much as the rest of a small call. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted && !this.#abort.signal.aborted) this.#abort.abort(this.#aborted);
    return this.#abort.signal;
  }

  get deadlineMs(): number {
    return Math.max(0, Number(this.#call.getDeadline()) - Date.now());
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  metadata(key: string): string | undefined {
    return firstValue(this.#call.metadata, key);
  }

  /** Runs `check` on the metadata before anything is read, then the handler. Resolves with the code that the call ended with; never rejects. */
  async run(check: (metadata: Metadata) => void): Promise<number> {
    try {
      check(this.#call.metadata);
      await this.#respond();
      if (this.#aborted) throw this.#aborted;
      return this.#finish(() => this.#call.end(), codes.OK);
    } catch (thrown) {
      // A cancelled call has its status already, and what its handler throws then is only the echo.
      if (this.#call.cancelled) return this.#finish(() => undefined, this.#deadlinePassed ? codes.DEADLINE_EXCEEDED : codes.CANCELLED);
      const status = grpcStatusOf(thrown, this.#log);
      return this.#finish(() => this.#call.emit("error", status), status.code);
    }
  }

  /** Ends what would go on for ever: no further requests are read from a stream, and a call that only sends is aborted. */
  drain(): void {
    const { requestStream, responseStream } = this.#method.definition;
    const reason = new RpcError("NOT_READY", "the server is draining: call again, another one answers", { retryAfterMs: 100 });
    if (requestStream) this.#reader.fail(reason);
    else if (responseStream) this.#abortWith(reason);
  }

  async #respond(): Promise<void> {
    const { handler, definition } = this.#method;
    const input = definition.requestStream ? this.#requests() : await this.#onlyRequest();
    const output = handler(input, this);
    if (Symbol.asyncIterator in output) for await (const responses of output) await this.#write(responses);
    else await this.#write([await output]);
  }

  /** The one place of outgoing back-pressure: a handler goes on when there is room for the next responses. */
  async #write(responses: readonly unknown[]): Promise<void> {
    let room = true;
    for (const response of responses) room = this.#call.write(this.#method.serialize(response));
    if (!room) await drained(this.#call);
    if (this.#call.cancelled) throw this.#cancellation();
  }

  async *#requests(): AsyncGenerator<readonly unknown[]> {
    for (;;) {
      const piece = await this.#reader.nextOf(MAX_PIECE);
      if (piece === undefined) return;
      const { requests, fault } = this.#decodeAll(piece);
      if (requests.length > 0) yield requests;
      if (fault) throw fault;
    }
  }

  /** Those up to the first that can't be decoded: they were sent before, and count. */
  #decodeAll(piece: readonly Buffer[]): { readonly requests: readonly unknown[]; readonly fault?: Error } {
    const requests: unknown[] = [];
    for (const bytes of piece) {
      try {
        requests.push(this.#decode(bytes));
      } catch (error) {
        return { requests, fault: error instanceof Error ? error : new Error(String(error)) };
      }
    }
    return { requests };
  }

  async #onlyRequest(): Promise<unknown> {
    const bytes = await this.#reader.next();
    if (bytes === undefined || (await this.#reader.next()) !== undefined) {
      throw new RpcError("INVALID_REQUEST", `${this.#method.definition.path} takes exactly one request message`);
    }
    return this.#decode(bytes);
  }

  #decode(bytes: Buffer): unknown {
    try {
      return this.#method.definition.requestDeserialize(bytes);
    } catch (cause) {
      throw new RpcError("INVALID_REQUEST", `the bytes are not the request message of ${this.#method.definition.path}`, { cause });
    }
  }

  get #deadlinePassed(): boolean {
    // Timers may be a millisecond early.
    return Number(this.#call.getDeadline()) <= Date.now() + 1;
  }

  #onCancelled(): void {
    // grpc-js says "cancelled" at the end of every call.
    if (this.#finished) return;
    const reason = this.#cancellation();
    this.#reader.fail(reason);
    this.#abortWith(reason);
  }

  #abortWith(reason: RpcError): void {
    this.#aborted ??= reason;
    this.#abort?.abort(reason);
  }

  #cancellation(): RpcError {
    return this.#deadlinePassed
      ? new RpcError("DEADLINE_EXCEEDED", "the caller's deadline has passed")
      : new RpcError("CANCELLED", "the caller has ended the call");
  }

  #finish(end: () => void, code: number): number {
    this.#finished = true;
    end();
    return code;
  }
}

/** The first value of a text metadata key. */
export function firstValue(metadata: Metadata, key: string): string | undefined {
  return metadata.get(key).find((value) => typeof value === "string");
}

function drained(call: GrpcCall): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off("drain", done);
      call.off("close", done);
      resolve();
    };
    call.on("drain", done);
    call.on("close", done);
    if (call.destroyed) done();
  });
}
