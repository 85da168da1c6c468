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

/**
 * One answer of one server of the stream itself began with the message right before the range, and all of the range's messages
 * are of that answer: the message was still stored when the server began to read what follows. What that proves is
 * recoveryProof's to say.
 */
export interface Anchor {
  /**
   * Messages of the channel from that one on, it included, as that server knows them at the end of its answer: those of the
   * answer and those left behind them. (Messages that expire meanwhile may be counted still.)
   */
  readonly count: number;
}

/** What was read of a range. */
export interface RangeRead {
  /** In order. */
  readonly messages: readonly StoredMessage[];
  /** Everything stored up to this sequence was read; `to` when the range is read to its end. */
  readonly readTo: number;
  /** Left out where the range was read in any other way. */
  readonly anchor?: Anchor | undefined;
}

/** What a range is read with where servers answer many messages at once. */
export interface RangeReader {
  readonly bus: Bus;
  readonly stream: string;
  /** The first message of the subject at or after a sequence, by the leader; undefined when there is none. */
  readonly leader: (sequence: number) => Promise<StoredMessage | undefined>;
}
