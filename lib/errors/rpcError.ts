import { CATALOGUE, type Reason, type StatusName } from "./catalogue.js";

/** One thing that was wrong with a request or a payload. */
export interface Violation {
  /** Path of the field, as the caller names it: `message.key`, `payload.items[2].price`. */
  readonly field: string;
  /** What is wrong and what would be right, as a clause. */
  readonly description: string;
}

/** What an error may carry beside its reason and sentence. */
export interface RpcErrorDetails {
  readonly violations?: readonly Violation[];
  /** When to try again, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** For the log only; never shown to a caller. */
  readonly cause?: unknown;
}

/** An error that a caller is told: a reason of the catalogue and a sentence that names what, where and what to do. */
export class RpcError extends Error {
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, details: RpcErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "RpcError";
    this.reason = reason;
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The gRPC status name that belongs to the reason. */
  get code(): StatusName {
    return CATALOGUE[this.reason].code;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return CATALOGUE[this.reason].retryable;
  }

  /** An INVALID_REQUEST that lists every violation, in the sentence too. `violations` must not be empty. */
  static invalid(violations: readonly Violation[], reason: "INVALID_REQUEST" | "INVALID_MESSAGE" = "INVALID_REQUEST"): RpcError {
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
    return new RpcError(reason, text, { violations });
  }

  /** The error that NATS being away, or silent, is told as. */
  static natsUnavailable(message: string, cause?: unknown): RpcError {
    return new RpcError("NATS_UNAVAILABLE", message, { retryAfterMs: 1_000, cause });
  }

  /**
   * Turns anything that was thrown into an RpcError: itself, or INTERNAL with a bland sentence and the thrown thing as
   * cause. `faultId` goes into the sentence, so that the caller's report finds the log line.
   */
  static from(thrown: unknown, faultId: string): RpcError {
    if (thrown instanceof RpcError) return thrown;
    return new RpcError("INTERNAL", `internal fault ${faultId}`, { cause: thrown });
  }
}
