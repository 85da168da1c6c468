/** What a handler knows of its call. */
export interface CallContext {
  /**
   * Aborted when nobody waits for the answer any more: the caller cancelled, is gone, or its deadline has passed; and, in
   * calls that only send, when the server drains. The reason is an RpcError; a handler may throw it as it is.
   */
  readonly signal: AbortSignal;
  /** How long the caller will still wait, in milliseconds; Infinity without a deadline, never below 0. */
  readonly deadlineMs: number;
  /** The address of the caller, `127.0.0.1:40312`. */
  readonly peer: string;
  /** The first value of a (non-binary) metadata key, in lower case. */
  metadata(key: string): string | undefined;
}
