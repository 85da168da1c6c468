import type { ServerResponse } from "node:http";
import type { StatusName } from "../../../lib/errors/catalogue.js";
import type { RpcError } from "../../../lib/errors/rpcError.js";
import { errorBody } from "../protocol/jsonCodec.js";

/** HTTP's status for each gRPC status, as grpc-gateway maps them; too large a body has one of its own. */
const HTTP_STATUS: Readonly<Record<StatusName, number>> = {
  CANCELLED: 499,
  DEADLINE_EXCEEDED: 504,
  FAILED_PRECONDITION: 400,
  INTERNAL: 500,
  INVALID_ARGUMENT: 400,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  UNIMPLEMENTED: 501,
};

/** Answers with a JSON text. */
export function respondJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/**
 * Answers with an error: `{"error":{code,reason,message,retryable,violations?}}`, and Retry-After where one is known. `status`:
 * where HTTP has a word of its own for it.
 */
export function respondError(response: ServerResponse, error: RpcError, status = statusOf(error)): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.retryAfterMs !== undefined) response.setHeader("retry-after", String(Math.ceil(error.retryAfterMs / 1_000)));
  // The rest of a body that is too large is not read: the connection can't be used again.
  if (error.reason === "TOO_LARGE") response.setHeader("connection", "close");
  respondJson(response, status, JSON.stringify({ error: errorBody(error) }));
}

function statusOf({ reason, code }: RpcError): number {
  return reason === "TOO_LARGE" ? 413 : HTTP_STATUS[code];
}
