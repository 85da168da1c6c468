import type { Bus } from "./bus.js";
import type { StoredMessage } from "./storedMessage.js";

/** A stretch of one channel's history. */
export interface Range {
  readonly subject: string;
  /** First sequence wanted. */
  readonly from: number;
  /** Last sequence wanted. */
  readonly to: number;
  /** Stop after this many messages. */
  readonly maxMessages: number;
  /** Stop after the message with which this many bytes of payload are reached. */
  readonly maxBytes: number;
}

/** What was read of a range. */
export interface RangeRead {
  /** In order. */
  readonly messages: readonly StoredMessage[];
  /** Everything stored up to this sequence was read; `to` when the range is read to its end. */
  readonly readTo: number;
}

/** What a range is read with where servers answer many messages at once. */
export interface RangeReader {
  readonly bus: Bus;
  readonly stream: string;
  /** The first message of the subject at or after a sequence, by the leader; undefined when there is none. */
  readonly leader: (sequence: number) => Promise<StoredMessage | undefined>;
}
