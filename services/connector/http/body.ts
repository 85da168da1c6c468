import type { IncomingMessage } from "node:http";
import { RpcError } from "../../../lib/errors/rpcError.js";

/** Reads the body of a request. Throws TOO_LARGE as soon as it is past `maxBytes`, CANCELLED when the client goes away. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new RpcError("TOO_LARGE", `the body is larger than ${String(maxBytes)} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw new RpcError("CANCELLED", "the client went away before its request was there", { cause: error });
  }
  return Buffer.concat(pieces);
}
