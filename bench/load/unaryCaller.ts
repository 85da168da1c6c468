import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from "node:http2";

/** gRPC's prefix of a message: not compressed, its length in four bytes. */
const PREFIX_BYTES = 5;

/**
 * Unary gRPC calls over one HTTP/2 connection, without a gRPC library: where latency is measured, the load generator must leave the
 * machine to what is measured, and grpc-js's client takes twice the CPU of the service that it calls.
 */
export class UnaryCaller {
  readonly #session: ClientHttp2Session;
  readonly #headers: Readonly<Record<string, string>>;

  /** A connection to a gRPC server on loopback. The caller closes it. */
  constructor(port: number, { path, apiKey }: { readonly path: string; readonly apiKey: string }) {
    this.#session = connect(`http://127.0.0.1:${String(port)}`);
    this.#headers = {
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
      "grpc-timeout": "20S",
      authorization: `Bearer ${apiKey}`,
    };
  }

  /** Resolves with the bytes of the response. Throws when the call ends with another status than OK. */
  call(request: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(this.#headers);
      const parts: Buffer[] = [];
      let status = "none";
      const take = ({ "grpc-status": code, "grpc-message": message }: IncomingHttpHeaders): void => {
        if (code !== undefined) status = code === "0" ? "OK" : [code, message].join(" ");
      };
      stream.on("response", take);
      stream.on("trailers", take);
      stream.on("data", (part: Buffer) => { parts.push(part); });
      stream.on("error", reject);
      stream.on("end", () => {
        if (status === "OK") resolve(Buffer.concat(parts).subarray(PREFIX_BYTES));
        else reject(new Error(`a call ended with the status ${status}`));
      });
      send(stream, request);
    });
  }

  /** Closes the connection when its calls have ended. */
  close(): void {
    this.#session.close();
  }
}

function send(stream: ClientHttp2Stream, request: Uint8Array): void {
  const message = Buffer.allocUnsafe(PREFIX_BYTES + request.length);
  message[0] = 0;
  message.writeUInt32BE(request.length, 1);
  message.set(request, PREFIX_BYTES);
  stream.end(message);
}
