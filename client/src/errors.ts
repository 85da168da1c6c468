import { type ErrorFrame } from "./frames.js";

/** One thing that was wrong with what was published. */
export interface Violation {
  /** The path of the field ("data.text"). */
  readonly field: string;
  readonly description: string;
}

/** The reasons that the SDK gives by itself; every other reason is the connector's (docs/errors.md). */
export type LocalReason =
  /** close() was called, or the connection was refused for good. */
  | "CLOSED"
  /** The connection broke before the answer came. */
  | "CONNECTION_LOST"
  /** The connector did not answer in time. */
  | "NO_ANSWER"
  /** The token provider threw, or took longer than 15 s. */
  | "TOKEN_UNAVAILABLE"
  /** More publishes wait than `maxPending` or 4 MiB. */
  | "OUTBOX_FULL"
  /** A publish was not acknowledged within `publishTimeoutMs`. It may still have been stored: repeat it with its key. */
  | "PUBLISH_TIMEOUT"
  /** The data is no JSON value. */
  | "INVALID_DATA"
  /** The data is longer than 240 KiB. */
  | "TOO_LARGE"
  /** The connector ended the connection for good; `code` and the message say why. */
  | "REFUSED";

interface Details {
  readonly retryable?: boolean;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/** Everything that fails in the SDK fails with this. */
export class HalleyError extends Error {
  override readonly name = "HalleyError";
  /** The name of a gRPC status ("PERMISSION_DENIED"). */
  readonly code: string;
  /** A fixed word for programs: one of the connector's, or a LocalReason. */
  readonly reason: string;
  /** True when the same thing may succeed later. */
  readonly retryable: boolean;
  readonly violations: readonly Violation[];

  constructor(code: string, reason: string, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = reason;
    this.retryable = details.retryable ?? false;
    this.violations = details.violations ?? [];
  }

  /** An error of the SDK itself. */
  static local(code: string, reason: LocalReason, message: string, details?: Details): HalleyError {
    return new HalleyError(code, reason, message, details);
  }

  /** An error that the connector answered with. */
  static ofFrame(frame: ErrorFrame): HalleyError {
    const { code = "UNKNOWN", reason = "UNKNOWN", message = reason, retryable = false, violations = [] } = frame;
    return new HalleyError(code, reason, message, { retryable, violations });
  }

  /** The error of an answer that a broken connection took with it. */
  static connectionLost(): HalleyError {
    return HalleyError.local("UNAVAILABLE", "CONNECTION_LOST", "the connection broke before the answer came", { retryable: true });
  }

  /** The error of everything that is asked of a closed client. */
  static closed(): HalleyError {
    return HalleyError.local("CANCELLED", "CLOSED", "the client is closed: call connect() first");
  }
}
