import type { Range } from "./range.js";
import type { StoredMessage } from "./storedMessage.js";

/** Questions under way together, at most. */
const WIDEST = 64;
const FIRST_WIDTH = 4;

/** Who knows the first message at or after a sequence. */
export interface NextMessages {
  /** By whoever answers quickest; undefined where that one doesn't know. */
  readonly direct: (sequence: number) => Promise<StoredMessage | undefined>;
  /** By the leader; undefined when there is none. */
  readonly leader: (sequence: number) => Promise<StoredMessage | undefined>;
}

/**
 * Reads a stretch of a channel by asking for the next message from each of several sequences on, together: as many as
 * brought different messages the last time, twice as many when all did. No more than the range allows.
 */
export async function readAhead(next: NextMessages, range: Range): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  let bytes = 0;
  let width = FIRST_WIDTH;
  let from = range.from;
  while (from <= range.to) {
    const starts = Array.from({ length: Math.min(width, range.to - from + 1) }, (_, at) => from + at);
    const answers = await Promise.all(starts.map((start) => next.direct(start)));
    let found = 0;
    for (const [at, start] of starts.entries()) {
      // The message that was found last is the next one from here on, too.
      if (start < from) continue;
      const message = answers[at] ?? (await next.leader(start));
      if (message === undefined || message.sequence > range.to) return messages;
      messages.push(message);
      bytes += message.data.length;
      if (messages.length >= range.maxMessages || bytes >= range.maxBytes) return messages;
      found += 1;
      from = message.sequence + 1;
    }
    width = nextWidth(found === starts.length ? 2 * found : found, { messages: messages.length, bytes, maxBytes: range.maxBytes });
  }
  return messages;
}

/** No wider than what is left to read, were all messages as large as those so far. */
function nextWidth(wanted: number, { messages, bytes, maxBytes }: { readonly messages: number; readonly bytes: number; readonly maxBytes: number }): number {
  const fitting = Math.ceil(((maxBytes - bytes) * messages) / Math.max(1, bytes));
  return Math.max(1, Math.min(wanted, fitting, WIDEST));
}
