import { RpcError } from "../errors/rpcError.js";
import type { Bus } from "./bus.js";
import { fetchDirectMany } from "./directMany.js";
import type { StoredMessage } from "./storedMessage.js";

/** JetStream answers at most 1,024 subjects at once. */
export const MOST_SUBJECTS = 1_000;
/** A page of the answer; what is more comes with the next. The payloads come along, whether wanted or not. */
const PAGE_BYTES = 4 * 2 ** 20;

/** Which newest messages are asked for. */
export interface LastOfManyQuery {
  /** At most MOST_SUBJECTS, without wildcards. */
  readonly subjects: readonly string[];
  /** Subjects whose newest message is below this sequence are left out. */
  readonly from: number;
}

/** The newest messages of many subjects, by one replica at one moment (page by page, where the answer is long). */
export interface LastOfMany {
  /** By subject, the sequence of its newest message. */
  readonly newest: ReadonlyMap<string, number>;
  /** The last sequence of the replica that answered; of the one furthest behind, where it took several pages. */
  readonly upTo: number;
  /** Messages in the answer whose headers can't be read: of which subjects they are is not known. */
  readonly unreadable: number;
  /** The newest of the others; undefined where there is none. */
  readonly last?: StoredMessage | undefined;
}

/**
 * Asks any replica of a stream for the newest messages of many subjects. Needs NATS 2.11: where an older server answers, that
 * is refused. Throws NATS_UNAVAILABLE when the answer is not whole.
 */
export async function fetchLastOfMany(bus: Bus, stream: string, { subjects, from }: LastOfManyQuery): Promise<LastOfMany> {
  const newest = new Map<string, number>();
  let unreadable = 0;
  let last: StoredMessage | undefined;
  let upTo = Infinity;
  let next = Math.max(1, from);
  for (;;) {
    const page = await fetchDirectMany(bus, stream, { multi_last: subjects, seq: next, max_bytes: PAGE_BYTES });
    for (const message of page.messages) {
      if (message) newest.set(message.subject, message.sequence);
      else unreadable += 1;
      // In the order of the stream.
      last = message ?? last;
    }
    upTo = Math.min(upTo, page.upTo);
    if (page.pending === 0) return { newest, upTo, unreadable, last };
    if (page.last < next) throw RpcError.natsUnavailable(`the stream ${stream} could not go on to name the newest messages`);
    next = page.last + 1;
  }
}
