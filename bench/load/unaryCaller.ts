import { connect, type Socket } from "node:net";
import { FLAG, FRAME, frame, FrameCutter, headerBlock, PREFACE, windowUpdate } from "./http2Frames.js";

/** gRPC's prefix of a message: not compressed, its length in four bytes. */
const PREFIX_BYTES = 5;
/** What may be sent before the other side allows more (RFC 9113, section 6.9.2). */
const FIRST_WINDOW_BYTES = 65_535;
/** What was read is told of when it is as much as this. */
const TELL_READ_BYTES = 32_768;
/** Calls under way; more wait. The publish service allows as many on one connection. */
const UNDER_WAY = 1_000;
/** The largest frame (RFC 9113, section 6.5.2); a request is one. */
const FRAME_BYTES = 16_384;
/** HTTP/2's settings: no table of headers, so that ours need none; nothing is pushed. */
const SETTINGS = Buffer.of(0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0);

interface Call {
  readonly request: Uint8Array;
  readonly resolve: (response: Buffer) => void;
  readonly reject: (error: Error) => void;
  body: Buffer | undefined;
}

/**
 * Unary gRPC calls over one connection, with no more of HTTP/2 than they need: where latency is measured, the load generator must
 * leave the machine to what is measured. grpc-js's client takes twice the CPU of the service that it calls, and Node.js's `http2` stands
 * still for 3 to 6 ms several times a second to collect its garbage.
 */
export class UnaryCaller {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #frames = new FrameCutter();
  readonly #calls: Record<number, Call> = {};
  #underWay = 0;
  #waiting: Call[] = [];
  #nextStream = 1;
  #windowBytes = FIRST_WINDOW_BYTES;
  #readBytes = 0;
  #closing = false;
  #fault: Error | undefined;

  /** A connection to a gRPC server on loopback. The caller closes it. */
  constructor(port: number, { path, apiKey }: { readonly path: string; readonly apiKey: string }) {
    this.#headers = headerBlock({
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": `127.0.0.1:${String(port)}`,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "20S",
      authorization: `Bearer ${apiKey}`,
    });
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (bytes: Buffer) => { this.#onData(bytes); });
    this.#socket.on("error", (error) => { this.#fail(error); });
    this.#socket.on("close", () => { this.#fail(new Error("the server has closed the connection")); });
    this.#socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0, SETTINGS)]));
  }

  /**
   * Resolves with the bytes of the response, which must be smaller than 64 KiB. Throws when the request is larger than a frame of HTTP/2
   * (16 KiB with its prefix of 5 bytes), when the call ends without a response, when the connection breaks, and after `close`.
   */
  call(request: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#fault) reject(this.#fault);
      else if (this.#closing) reject(new Error("the caller is closed"));
      else if (PREFIX_BYTES + request.length > FRAME_BYTES) reject(new Error("too large for this load generator: a request is one frame of HTTP/2"));
      else this.#waiting.push({ request, resolve, reject, body: undefined });
      this.#sendWaiting();
    });
  }

  /** Whether the connection is closed. */
  get isClosed(): boolean {
    return this.#socket.closed;
  }

  /** Closes the connection when its calls have ended. */
  close(): void {
    this.#closing = true;
    if (this.#underWay === 0 && this.#waiting.length === 0) this.#socket.end();
  }

  #sendWaiting(): void {
    let sent = 0;
    this.#socket.cork();
    for (const call of this.#waiting) {
      const bytes = PREFIX_BYTES + call.request.length;
      if (this.#underWay >= UNDER_WAY || bytes > this.#windowBytes) break;
      this.#windowBytes -= bytes;
      this.#send(call);
      sent += 1;
    }
    this.#socket.uncork();
    this.#waiting.splice(0, sent);
  }

  #send(call: Call): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#underWay += 1;
    this.#calls[stream] = call;
    const message = Buffer.allocUnsafe(PREFIX_BYTES + call.request.length);
    message[0] = 0;
    message.writeUInt32BE(call.request.length, 1);
    message.set(call.request, PREFIX_BYTES);
    this.#socket.write(Buffer.concat([frame(FRAME.headers, FLAG.endHeaders, stream, this.#headers), frame(FRAME.data, FLAG.endStream, stream, message)]));
  }

  #onData(bytes: Buffer): void {
    this.#frames.push(bytes, (type, flags, stream, payload) => { this.#onFrame(type, flags, stream, payload); });
  }

  #onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.data) this.#onResponse(stream, payload);
    else if (type === FRAME.windowUpdate && stream === 0) this.#windowBytes += payload.readUInt32BE(0);
    else if (type === FRAME.settings && flags !== FLAG.acknowledged) this.#socket.write(frame(FRAME.settings, FLAG.acknowledged, 0, Buffer.alloc(0)));
    else if (type === FRAME.ping && flags !== FLAG.acknowledged) this.#socket.write(frame(FRAME.ping, FLAG.acknowledged, 0, payload));
    else if (type === FRAME.reset) this.#take(stream)?.reject(new Error(`the server reset a call with the HTTP/2 error ${String(payload.readUInt32BE(0))}`));
    else if (type === FRAME.goAway) this.#fail(new Error(`the server goes away with the HTTP/2 error ${String(payload.readUInt32BE(4))}`));
    const ends = type === FRAME.headers || type === FRAME.data;
    if (ends && (flags & FLAG.endStream) !== 0) this.#onEnd(stream);
    if (this.#waiting.length > 0) this.#sendWaiting();
    if (this.#closing) this.close();
  }

  #onResponse(stream: number, payload: Buffer): void {
    this.#readBytes += payload.length;
    if (this.#readBytes >= TELL_READ_BYTES) {
      this.#socket.write(windowUpdate(0, this.#readBytes));
      this.#readBytes = 0;
    }
    const call = this.#calls[stream];
    if (call) call.body = call.body ? Buffer.concat([call.body, payload]) : Buffer.from(payload);
  }

  #onEnd(stream: number): void {
    const call = this.#take(stream);
    // A status other than OK comes without a message.
    if (call?.body && call.body.length >= PREFIX_BYTES) call.resolve(call.body.subarray(PREFIX_BYTES));
    else call?.reject(new Error("a call ended without a response"));
  }

  #take(stream: number): Call | undefined {
    const call = this.#calls[stream];
    if (call) this.#underWay -= 1;
    Reflect.deleteProperty(this.#calls, stream);
    return call;
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    for (const stream of Object.keys(this.#calls)) this.#take(Number(stream))?.reject(this.#fault);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#fault);
    this.#socket.destroy();
  }
}
