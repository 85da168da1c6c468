import { randomBytes } from "node:crypto";
import { Metadata, status as codes } from "@grpc/grpc-js";
import type { Any } from "../../gen/google/protobuf/any.js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.js";
import { Status } from "../../gen/google/rpc/status.js";
import { RpcError, type Violation } from "../errors/rpcError.js";
import type { Log } from "../log.js";

/** The `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "halley";

/** Statuses travel in HTTP/2 headers, of which common clients take 8 KiB: text and violations are cut to fit. */
const MAX_MESSAGE_LENGTH = 1_024;
const MAX_VIOLATION_BYTES = 3_072;
const MAX_FIELD_LENGTH = 256;
const MAX_DESCRIPTION_LENGTH = 512;

/** What grpc-js takes as the end of a call. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * Turns anything that was thrown into the status that a caller is told: code, sentence, and as details ErrorInfo (reason,
 * domain `halley`), BadRequest (violations) and RetryInfo. What is no RpcError, and every INTERNAL, becomes a bland
 * sentence with an id, under which the log holds the cause.
 */
export function statusOf(thrown: unknown, log: Log): Status {
  const error = withoutInternals(thrown, log);
  const details = [pack("ErrorInfo", ErrorInfo.encode({ reason: error.reason, domain: ERROR_DOMAIN, metadata: {} }).finish())];
  if (error.violations.length > 0) {
    details.push(pack("BadRequest", BadRequest.encode({ fieldViolations: fieldViolations(error.violations) }).finish()));
  }
  if (error.retryAfterMs !== undefined) details.push(pack("RetryInfo", encodeRetryInfo(error.retryAfterMs)));
  return { code: codes[error.code], message: cut(error.message, MAX_MESSAGE_LENGTH), details };
}

/** The same, as the end of a call: the details are in `grpc-status-details-bin`. */
export function grpcStatusOf(thrown: unknown, log: Log): GrpcStatus {
  const status = statusOf(thrown, log);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(status).finish()));
  return { code: status.code, details: status.message, metadata };
}

function withoutInternals(thrown: unknown, log: Log): RpcError {
  if (thrown instanceof RpcError && thrown.reason !== "INTERNAL") return thrown;
  const faultId = randomBytes(6).toString("hex");
  log.error({ err: thrown, fault: faultId }, "a call failed with an unforeseen fault");
  return RpcError.from(thrown instanceof RpcError ? undefined : thrown, faultId);
}

function pack(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) };
}

function encodeRetryInfo(retryAfterMs: number): Uint8Array {
  const seconds = Math.floor(retryAfterMs / 1_000);
  return RetryInfo.encode({ retryDelay: { seconds, nanos: Math.round((retryAfterMs - seconds * 1_000) * 1_000_000) } }).finish();
}

function fieldViolations(violations: readonly Violation[]): BadRequest["fieldViolations"] {
  const told: BadRequest["fieldViolations"] = [];
  let bytes = 0;
  for (const violation of violations) {
    const field = cut(violation.field, MAX_FIELD_LENGTH);
    const description = cut(violation.description, MAX_DESCRIPTION_LENGTH);
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description);
    if (bytes > MAX_VIOLATION_BYTES) {
      const left = violations.length - told.length;
      return [...told, { field: "", description: `and ${String(left)} more`, reason: "", localizedMessage: undefined }];
    }
    told.push({ field, description, reason: "", localizedMessage: undefined });
  }
  return told;
}

function cut(text: string, length: number): string {
  // grpc-js percent-encodes the sentence and throws on half a surrogate pair.
  return (text.length <= length ? text : `${text.slice(0, length - 1)}…`).toWellFormed();
}
