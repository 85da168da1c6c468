/** What to do with a live message. */
export type GapVerdict =
  /** Seen before. */
  | "drop"
  /** The next one. */
  | "deliver"
  /** Others are missing between: read them first. */
  | "repair"
  /** It is the only one stored on its channel; whether others came and went unseen must be asked. */
  | "ask";

/** What a live message says of itself. */
interface Place {
  /** Its sequence. */
  readonly sequence: number;
  /** The sequence of the message that was stored before it on the channel, 0 where there was none any more. */
  readonly previous: number;
}

/**
 * The gap rule. `last`: the newest sequence seen on the channel. `proven`: at or above `last`; nothing on the channel is
 * between them.
 *
 * Worked example, last = proven = 10: (sequence 10, previous 7) drop, whatever it claims to follow; (12, 10) deliver;
 * (12, 8) deliver, 10 is gone already; (15, 12) repair, 12 was never seen; (20, 0) ask, between 10 and 20 others may have
 * been stored and removed; (20, 0) with proven = 19 deliver.
 */
export function gapRule({ sequence, previous }: Place, last: number, proven: number): GapVerdict {
  if (sequence <= last) return "drop";
  if (previous > last) return "repair";
  return previous > 0 || proven >= sequence - 1 ? "deliver" : "ask";
}
