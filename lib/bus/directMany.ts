import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS } from "./apiRequest.js";
import type { Bus, BusHeaders, BusMessage } from "./bus.js";
import { statusOf } from "./requestMux.js";
import { fromDirectMessage, type StoredMessage } from "./storedMessage.js";
import { header } from "./subjects.js";

/** A message of an answer of many, and what the server says of its place in the answer. */
export interface DirectMessage extends StoredMessage {
  /** The stream that answered: another one's name where a mirror did. */
  readonly stream: string;
  /** The sequence of the message before it in the answer, 0 in the first. */
  readonly previous: number;
}

/** What one replica answered to one question for many messages: whole, and in its order. */
export interface DirectMany {
  /** In the order of the stream; undefined for one whose headers can't be read, so that its place is not known from itself. */
  readonly messages: readonly (DirectMessage | undefined)[];
  /** How many more there are for the question behind the last of these, as the replica counts. */
  readonly pending: number;
  /** The sequence of the last of these, 0 where there are none. */
  readonly last: number;
  /** To `multi_last`: the replica's last sequence; else 0. */
  readonly upTo: number;
}

/** A question of Direct Get for many messages, as NATS has it. */
export interface ManyQuery {
  readonly max_bytes: number;
  /** The first sequence. */
  readonly seq: number;
  readonly next_by_subj?: string;
  readonly batch?: number;
  readonly multi_last?: readonly string[];
}

const NO_RESULTS = 404;
const END_OF_BATCH = 204;
const NOTHING: DirectMany = { messages: [], pending: 0, last: 0, upTo: 0 };

/**
 * Asks any replica of a stream for many messages with one Direct Get (`batch` or `multi_last` in the question). The answer is
 * the messages and an end mark (204), in one order; each names the one before it, and the end mark the last, so that what was
 * lost on the way is noticed (but beside messages whose headers can't be read: `previous` and `last` tell more of those).
 * Needs NATS 2.11: an older server takes the question for one of a single message. Throws NATS_UNAVAILABLE where nobody
 * answers in time, where the answer is not whole, and where such a server answered. Source: getDirectRequest and
 * getDirectMulti in nats-server's stream.go.
 */
export function fetchDirectMany(bus: Bus, stream: string, query: ManyQuery): Promise<DirectMany> {
  const answer = new AnswerOfMany(stream);
  const question = { subject: `$JS.API.DIRECT.GET.${stream}`, data: Buffer.from(JSON.stringify(query)), timeoutMs: API_TIMEOUT_MS };
  // It ends with the message that reaches what was asked for, which may itself be large.
  return bus.answers.run({ bytes: query.max_bytes }, () => bus.requestMany(question, (message) => answer.take(message)));
}

/** A server older than 2.11 answered, which gives one message at a time. */
export class OlderServerError extends RpcError {
  constructor(stream: string) {
    super("NATS_UNAVAILABLE", `a server with the stream ${stream} is older than 2.11, which gives no many messages at once`, { retryAfterMs: 1_000 });
  }
}

/** An answer as it comes in. */
class AnswerOfMany {
  readonly #stream: string;
  readonly #messages: (DirectMessage | undefined)[] = [];

  constructor(stream: string) {
    this.#stream = stream;
  }

  /** The next message; gives the whole answer where it is the last. Throws where it is not whole. */
  take(message: BusMessage): DirectMany | undefined {
    const status = markOf(message);
    if (status === END_OF_BATCH) return this.#end(message.headers);
    if (status === NO_RESULTS && this.#messages.length === 0) return NOTHING;
    if (status !== undefined) throw RpcError.natsUnavailable(`the stream ${this.#stream} could not give many messages (status ${String(status)})`);
    const read = readPlaced(message);
    if (read === "old") throw new OlderServerError(this.#stream);
    if (read && !this.#follows(read.previous)) throw this.#lost();
    this.#messages.push(read);
    return undefined;
  }

  #end(headers: BusHeaders | undefined): DirectMany {
    const numberIn = (name: string): number => Number(headers?.last(name)) || 0;
    const last = numberIn(header.lastSequence);
    if (!this.#follows(last)) throw this.#lost();
    return { messages: this.#messages, pending: numberIn(header.pending), last, upTo: numberIn(header.upToSequence) };
  }

  /** Whether what names `previous` as the one before it may come next. */
  #follows(previous: number): boolean {
    if (this.#messages.length === 0) return previous === 0;
    const before = this.#messages.at(-1);
    return before === undefined || before.sequence === previous;
  }

  #lost(): Error {
    return RpcError.natsUnavailable(`a message of ${this.#stream} was lost on its way; read again`);
  }
}

/** The status of a message that is no stored one; a stored one, whose status line is its publisher's, has a subject. */
function markOf(message: BusMessage): number | undefined {
  const status = statusOf(message);
  return message.data.length === 0 && status !== 0 && message.headers?.last(header.subject) === "" ? status : undefined;
}

/** Undefined where the headers can't be read; `old` where they say nothing of a place in an answer. */
function readPlaced(message: BusMessage): DirectMessage | "old" | undefined {
  try {
    const read = fromDirectMessage(message);
    if (read.headers.last(header.pending) === "") return "old";
    return { ...read, stream: read.headers.last(header.stream), previous: Number(read.headers.last(header.lastSequence)) };
  } catch {
    return undefined;
  }
}
