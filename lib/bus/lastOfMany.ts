import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS } from "./apiRequest.js";
import type { Bus, BusMessage } from "./bus.js";
import { statusOf } from "./requestMux.js";
import { fromDirectMessage } from "./storedMessage.js";
import { header } from "./subjects.js";

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
}

/**
 * Asks any replica of a stream for the newest messages of many subjects. Needs NATS 2.11; older servers ignore the question and
 * answer with a single message, which is refused here. Throws NATS_UNAVAILABLE when the answer is not whole.
 */
export async function fetchLastOfMany(bus: Bus, stream: string, { subjects, from }: LastOfManyQuery): Promise<LastOfMany> {
  const newest = new Map<string, number>();
  let unreadable = 0;
  let upTo = Infinity;
  let next = Math.max(1, from);
  for (;;) {
    const page = await fetchPage(bus, stream, { multi_last: subjects, seq: next, max_bytes: PAGE_BYTES });
    for (const { subject, sequence } of page.found) newest.set(subject, sequence);
    unreadable += page.unreadable;
    upTo = Math.min(upTo, page.upTo);
    if (page.pending === 0) return { newest, upTo: upTo === Infinity ? 0 : upTo, unreadable };
    if (page.last < next) throw RpcError.natsUnavailable(`the stream ${stream} could not go on to name the newest messages`);
    next = page.last + 1;
  }
}

interface Page {
  readonly found: readonly { readonly subject: string; readonly sequence: number }[];
  readonly unreadable: number;
  readonly upTo: number;
  /** Subjects that are left for later pages. */
  readonly pending: number;
  /** The last sequence of this page. */
  readonly last: number;
}

const NO_RESULTS = 404;
const END_OF_BATCH = 204;

/** One question: resolves at the end mark, which counts what came before it in the same order. */
function fetchPage(bus: Bus, stream: string, query: object): Promise<Page> {
  return new Promise((resolve, reject) => {
    const inbox = bus.createInbox();
    const found: { subject: string; sequence: number }[] = [];
    let unreadable = 0;
    const finish = (outcome: Page | Error): void => {
      clearTimeout(timeout);
      subscription.unsubscribe();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const subscription = bus.subscribe(inbox, (message) => {
      const status = markOf(message);
      if (status === undefined) {
        const place = placeOf(message);
        if (place) found.push(place);
        else unreadable += 1;
      } else if (status === END_OF_BATCH) finish(endOfPage(message, found, unreadable));
      else if (status === NO_RESULTS && found.length + unreadable === 0) finish({ found, unreadable, upTo: 0, pending: 0, last: 0 });
      else finish(RpcError.natsUnavailable(`the stream ${stream} could not name the newest messages (status ${String(status)})`));
    });
    const timeout = setTimeout(() => { finish(RpcError.natsUnavailable(`no replica of ${stream} names the newest messages`)); }, API_TIMEOUT_MS);
    try {
      bus.publish(`$JS.API.DIRECT.GET.${stream}`, Buffer.from(JSON.stringify(query)), { reply: inbox });
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

/** The status of a message that is no stored one; a stored one, whose status line is its publisher's, has a subject. */
function markOf(message: BusMessage): number | undefined {
  const status = statusOf(message);
  return message.data.length === 0 && status !== 0 && message.headers?.last(header.subject) === "" ? status : undefined;
}

function placeOf(message: BusMessage): { readonly subject: string; readonly sequence: number } | undefined {
  try {
    return fromDirectMessage(message);
  } catch {
    return undefined;
  }
}

function endOfPage(message: BusMessage, found: Page["found"], unreadable: number): Page {
  const numberIn = (name: string): number => Number(message.headers?.last(name)) || 0;
  return { found, unreadable, upTo: numberIn(header.upToSequence), pending: numberIn(header.pending), last: numberIn(header.lastSequence) };
}
