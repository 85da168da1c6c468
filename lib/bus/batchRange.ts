import { RpcError } from "../errors/rpcError.js";
import { type DirectMany, fetchDirectMany } from "./directMany.js";
import type { Anchor, Range, RangeReader } from "./range.js";
import type { StoredMessage } from "./storedMessage.js";

/** From this version on one Direct Get gives many messages; an older server takes the question for one of a single message. */
export const BATCHES_SINCE = "2.11.0";
/** Asked for in one answer, at most: what follows comes with the next. */
const ANSWER_BYTES = 128 * 1024;
/** Asked for beyond the bytes that are wanted: the server counts subjects and headers too, and ends with the message that reaches its count. */
const SLACK_BYTES = 64 * 1024;

/** What one answer gave of a range. */
export interface BatchRead {
  /** In order, no more than the range allows. */
  readonly messages: readonly StoredMessage[];
  /**
   * Whether there is more of the range behind these: nothing is where the replica has a message at the range's end, or goes on
   * behind it (`reached`); where it has come to its own end (`ended`) it may lag; else there is (`more`).
   */
  readonly end: "reached" | "ended" | "more";
  readonly anchor: Anchor | undefined;
}

/**
 * Reads a stretch of a channel, or as much of it as fits into one answer, from any replica by one question. At least one message
 * where that replica holds one in the range. A message whose headers can't be read is read from the leader. With `anchored` the
 * question begins one sequence before the range: see `Anchor`. Throws NATS_UNAVAILABLE where a message was lost on its way, or
 * is gone by then.
 */
export async function readBatch(reader: RangeReader, range: Range, anchored = false): Promise<BatchRead> {
  const start = anchored ? Math.max(1, range.from - 1) : range.from;
  const count = Math.min(range.maxMessages, range.to - range.from + 1) + range.from - start;
  const answer = await fetchDirectMany(reader.bus, reader.stream, { seq: start, next_by_subj: range.subject, batch: count, max_bytes: Math.min(range.maxBytes, ANSWER_BYTES) + SLACK_BYTES });
  const all = (await allOf(answer, reader, start)).filter(({ sequence }) => sequence >= range.from);
  // The message before the range was so large that no other had room beside it.
  if (anchored && all.length === 0 && answer.pending > 0) return readBatch(reader, range);
  const messages = fitting(all, range);
  return { messages, end: endOf(all[messages.length], messages.at(-1), range, answer.pending), anchor: anchorOf(answer, reader.stream, range.from) };
}

/** A mirror, which answers too, says its own name: it may have come too late for what its origin has lost since. */
function anchorOf({ messages, pending }: DirectMany, stream: string, from: number): Anchor | undefined {
  const [first] = messages;
  return first?.sequence === from - 1 && first.stream === stream ? { count: messages.length + pending } : undefined;
}

/** `beyond`: the first that the range has no place for, `last`: the last of those it has. */
function endOf(beyond: StoredMessage | undefined, last: StoredMessage | undefined, { to }: Range, pending: number): BatchRead["end"] {
  if (beyond) return beyond.sequence > to ? "reached" : "more";
  if (last?.sequence === to) return "reached";
  return pending === 0 || last === undefined ? "ended" : "more";
}

/** Every message of an answer: one whose headers can't be read from the leader, held to what the answer says of it. */
async function allOf({ messages, last }: DirectMany, { stream, leader }: RangeReader, from: number): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  let next = from;
  for (const [at, message] of messages.entries()) {
    const known = message ?? (await leader(next));
    // Nobody names one that is followed by another of its kind; who is named next tells of both.
    const named = at + 1 === messages.length ? last : messages[at + 1]?.previous;
    if (!known || (!message && named !== undefined && known.sequence !== named)) throw RpcError.natsUnavailable(`a message of ${stream} was lost on its way, or is gone; read again`);
    all.push(known);
    next = known.sequence + 1;
  }
  return all;
}

/** As many as the range allows. */
function fitting(all: readonly StoredMessage[], { to, maxMessages, maxBytes }: Range): StoredMessage[] {
  const messages: StoredMessage[] = [];
  let bytes = 0;
  for (const message of all) {
    if (message.sequence > to || messages.length >= maxMessages || bytes >= maxBytes) break;
    messages.push(message);
    bytes += message.data.length;
  }
  return messages;
}
