import type { IncomingMessage } from "node:http";
import { RpcError } from "../../../lib/errors/rpcError.js";

/** Reads the body of a request. Rejects with TOO_LARGE as soon as it is past `maxBytes`, CANCELLED when the client goes away. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  // By events: a small body mostly comes in one piece, which an async iterator makes expensive.
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const onData = (piece: Buffer): void => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= maxBytes) return;
      request.off("data", onData).pause();
      reject(new RpcError("TOO_LARGE", `the body is larger than ${String(maxBytes)} bytes`));
    };
    const onGone = (cause?: Error): void => {
      reject(new RpcError("CANCELLED", "the client went away before its request was there", { cause }));
    };
    request.on("data", onData);
    request.once("error", onGone);
    // Every request closes in the end; an error with its stack for each was 7 % of a poll's CPU.
    request.once("close", () => { if (!request.readableEnded) onGone(); });
    request.once("end", () => {
      const [only] = pieces;
      resolve(only && pieces.length === 1 ? only : Buffer.concat(pieces));
    });
  });
}
