import { systemClock, type Clock } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS, askJetStream, JetStreamError, jetStreamErrorCode } from "./apiRequest.js";
import { type Bus, makeHeaders } from "./bus.js";
import { consumeRange } from "./consumeRange.js";
import type { Range, RangeRead } from "./range.js";
import { SharedInfo } from "./sharedInfo.js";
import { type ApiMessage, fromApiMessage, fromDirectMessage, type StoredMessage } from "./storedMessage.js";
import { countOfSubject, fetchStreamInfo, type StreamInfo } from "./streamInfo.js";
import { header, streamOf, subjects } from "./subjects.js";

/**
 * Gaps up to this length are read one by one (0.2 ms each); a consumer costs 7 ms before its first message.
 */
const SEQUENTIAL_READS = 24;

/** Reads the stream of one namespace. All methods throw NATS_UNAVAILABLE when JetStream does not answer. */
export class History {
  readonly stream: string;
  readonly #bus: Bus;
  readonly #namespace: string;
  readonly #shared: SharedInfo;

  constructor(bus: Bus, namespace: string, clock: Clock = systemClock) {
    this.stream = streamOf(namespace);
    this.#bus = bus;
    this.#namespace = namespace;
    this.#shared = new SharedInfo(() => fetchStreamInfo(bus, this.stream), clock);
  }

  /** The stream's state by its leader, asked after this call; shared by callers within 20 ms. */
  infoAfterNow(): Promise<StreamInfo> {
    return this.#shared.afterNow();
  }

  /**
   * Resolves when everything stored before the leader handled this has been republished behind our interest: a publish that
   * the leader must refuse (it expects another stream), whose refusal travels the same way as republished messages.
   * Serves all interest in the namespace that was taken on this connection before the call.
   */
  async barrier(): Promise<void> {
    const impossible = makeHeaders({ [header.expectedStream]: "-" });
    const answer = await this.#bus.request(subjects.tick(this.#namespace), new Uint8Array(), API_TIMEOUT_MS, impossible);
    const { error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { error?: { err_code?: number; description?: string } };
    if (error?.err_code !== jetStreamErrorCode.streamWrongExpected) {
      throw RpcError.natsUnavailable(`the stream ${this.stream} answered a barrier with: ${error?.description ?? "an acknowledgement"}`);
    }
  }

  /** The newest message of a subject, by the leader; undefined when none is stored. */
  lastOf(subject: string): Promise<StoredMessage | undefined> {
    return this.#leaderGet({ last_by_subj: subject });
  }

  /** The first message at or after a sequence whose subject matches, by the leader; undefined when none is stored. */
  firstFrom(filter: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.#leaderGet({ seq: Math.max(1, sequence), next_by_subj: filter });
  }

  /** The first message of any subject at or after a sequence, by the leader. */
  firstOfStreamFrom(sequence: number): Promise<StoredMessage | undefined> {
    return this.firstFrom("halley.pub.>", sequence);
  }

  /** How many messages of a subject are stored, by the leader. */
  countOf(subject: string): Promise<number> {
    return countOfSubject(this.#bus, this.stream, subject);
  }

  /**
   * Reads a stretch of a channel, in order and without holes as far as the leader still holds it. Small gaps by Direct Get
   * (any replica), large ones by a short-lived consumer; where a replica lags, by the leader.
   */
  async read(range: Range): Promise<RangeRead> {
    const messages: StoredMessage[] = [];
    let next = range.from;
    let bytes = 0;
    while (next <= range.to) {
      if (messages.length >= SEQUENTIAL_READS) {
        const rest = { ...range, from: next, maxMessages: range.maxMessages - messages.length, maxBytes: range.maxBytes - bytes };
        const { messages: tail, readTo } = await consumeRange(this.#bus, this.stream, rest);
        return { messages: messages.concat(tail), readTo };
      }
      const message = (await this.#directNext(range.subject, next)) ?? (await this.firstFrom(range.subject, next));
      if (message === undefined || message.sequence > range.to) break;
      messages.push(message);
      next = message.sequence + 1;
      bytes += message.data.length;
      if (message.sequence < range.to && (messages.length >= range.maxMessages || bytes >= range.maxBytes)) {
        return { messages, readTo: message.sequence };
      }
    }
    return { messages, readTo: range.to };
  }

  async #leaderGet(query: object): Promise<StoredMessage | undefined> {
    try {
      return fromApiMessage((await askJetStream<{ message: ApiMessage }>(this.#bus, `STREAM.MSG.GET.${this.stream}`, query)).message);
    } catch (error) {
      if (error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.noMessageFound) return undefined;
      throw error;
    }
  }

  /** By any replica; undefined also where that replica lags or the headers can't be read: the leader is asked then. */
  async #directNext(subject: string, sequence: number): Promise<StoredMessage | undefined> {
    const query = JSON.stringify({ seq: sequence, next_by_subj: subject });
    const answer = await this.#bus.request(`$JS.API.DIRECT.GET.${this.stream}`, query, API_TIMEOUT_MS);
    try {
      return (answer.headers?.code ?? 0) === 0 ? fromDirectMessage(answer) : undefined;
    } catch {
      return undefined;
    }
  }
}
