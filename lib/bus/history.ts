import { type Clock, sleep, systemClock } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS, askJetStream, JetStreamError, jetStreamErrorCode } from "./apiRequest.js";
import { BATCHES_SINCE, readBatch } from "./batchRange.js";
import type { Bus } from "./bus.js";
import { consumeRange } from "./consumeRange.js";
import { OlderServerError } from "./directMany.js";
import { fetchLastOfMany, type LastOfMany, type LastOfManyQuery } from "./lastOfMany.js";
import { ISOLATED_SINCE, type Newest, NewestOfMany } from "./newestOfMany.js";
import { makeHeaders } from "./publishHeaders.js";
import type { Anchor, Range, RangeRead } from "./range.js";
import { readAhead } from "./readAhead.js";
import { endsBefore } from "./replacedLeader.js";
import { OLDEST_CLUSTER, olderThan } from "./serverVersion.js";
import { SharedRequest } from "./sharedRequest.js";
import { type ApiMessage, fromApiMessage, fromDirectMessage, type StoredMessage } from "./storedMessage.js";
import { countOfSubject, fetchStreamInfo, type StreamInfo, type SubjectCount } from "./streamInfo.js";
import { header, streamOf, subjects } from "./subjects.js";
import { storeTick } from "./tick.js";

/** Where servers give one message at a time, gaps up to this length are read so (0.2 ms each); a consumer costs 7 ms before its first. */
const SEQUENTIAL_READS = 24;
/**
 * Before this version a filtered consumer counts what is pending anew for every message that it delivers, where it begins in
 * the first half of a short stream: the server is busy for a second with 1,000 messages.
 */
const CONSUMERS_QUICK_SINCE = "2.9.15";
/** STREAM.INFO takes the leader 0.2 ms: 50 a second are nothing, one for each of 10,000 recoveries would be much. */
const INFO_SPACING_MS = 20;
/** Where many subscribe, those within this time share a barrier; a lone one waits for none. */
const BARRIER_SPACING_MS = 5;
/** Ticks that tell a replaced leader from a rolled-back stream: where many ask, those within this time share one. */
const TICK_SPACING_MS = 100;
/** The leader's answers are longer than the messages in them. */
const BASE64 = 4 / 3;
/** A replica that lags is asked again, or another one is, so often and after so long. */
const LAG_TRIES = 5;
const LAG_MS = 100;

/** The next messages of a range. */
interface Some {
  readonly messages: readonly StoredMessage[];
  /** Nothing of the range is behind them. */
  readonly isLast: boolean;
  readonly anchor?: Anchor | undefined;
}

/** Reads the stream of one namespace. All methods throw NATS_UNAVAILABLE when JetStream does not answer. */
export class History {
  readonly stream: string;
  readonly #bus: Bus;
  readonly #namespace: string;
  readonly #info: SharedRequest<StreamInfo>;
  readonly #barrier: SharedRequest<void>;
  readonly #tick: SharedRequest<number>;
  readonly #newest: NewestOfMany;
  readonly #clock: Clock;

  constructor(bus: Bus, namespace: string, clock: Clock = systemClock) {
    this.stream = streamOf(namespace);
    this.#bus = bus;
    this.#namespace = namespace;
    this.#info = new SharedRequest(() => fetchStreamInfo(bus, this.stream), clock, INFO_SPACING_MS);
    this.#barrier = new SharedRequest(() => this.#sendBarrier(), clock, BARRIER_SPACING_MS);
    this.#tick = new SharedRequest(() => storeTick(bus, namespace), clock, TICK_SPACING_MS);
    this.#newest = new NewestOfMany(bus, this.stream, { lastOf: (subject) => this.lastOf(subject), clock });
    this.#clock = clock;
  }

  /** The stream's state by its leader, asked after this call; where many ask, those within 20 ms share one answer. */
  infoAfterNow(): Promise<StreamInfo> {
    return this.#info.afterNow();
  }

  /**
   * In a cluster, a sequence that the stream has reached by now: a tick is stored, which only the leader can do that a majority
   * follows. Who answers later and has not reached it was replaced as leader; see `assertReached`. 0 where nobody can be.
   */
  fence(): Promise<number> {
    return this.#bus.clustered ? this.#tick.afterNow() : Promise.resolve(0);
  }

  /** Whether the stream that `info` tells of was rolled back to before `sequence`; throws where a leader told that was replaced. */
  endsBefore(info: StreamInfo, sequence: number): Promise<boolean> {
    return endsBefore(info, sequence, () => this.#tick.afterNow());
  }

  /**
   * Resolves when everything stored before the leader handled this has been republished behind our interest: a publish that
   * the leader must refuse (it expects another stream), whose refusal travels the same way as republished messages.
   * Serves all interest in the namespace that was taken on this connection before the call.
   */
  barrier(): Promise<void> {
    return this.#barrier.afterNow();
  }

  /** The newest message of a subject, by the leader; undefined when none is stored. */
  lastOf(subject: string): Promise<StoredMessage | undefined> {
    return this.#leaderGet({ last_by_subj: subject });
  }

  /** The same; where one server has the stream alone (`isAlone`), subjects that are asked for together share one question (NATS 2.12 or newer). */
  async newestOf(subject: string, isAlone: boolean): Promise<Newest> {
    if (isAlone && !this.#bus.clustered && !olderThan(this.#bus.serverVersion, ISOLATED_SINCE)) return this.#newest.of(subject);
    const message = await this.lastOf(subject);
    return { sequence: message?.sequence ?? 0, seen: message };
  }

  /** The first message at or after a sequence whose subject matches, by the leader; undefined when none is stored. */
  firstFrom(filter: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.#leaderGet({ seq: Math.max(1, sequence), next_by_subj: filter });
  }

  /** The first message of any subject at or after a sequence, by the leader. */
  firstOfStreamFrom(sequence: number): Promise<StoredMessage | undefined> {
    return this.firstFrom(subjects.publishAll, sequence);
  }

  /** The newest messages of many subjects from a sequence on, by any replica, which may lag; NATS 2.11 or newer. */
  lastOfMany(query: LastOfManyQuery): Promise<LastOfMany> {
    return fetchLastOfMany(this.#bus, this.stream, query);
  }

  /** How many messages of a subject are stored, by the leader, at a moment when the stream ended at `lastSequence`. */
  countOf(subject: string): Promise<SubjectCount> {
    return countOfSubject(this.#bus, this.stream, subject);
  }

  /**
   * Reads a stretch of a channel, in order and without holes as far as the leader still holds it: by one Direct Get of many
   * messages (any replica, NATS 2.11). Older servers: small gaps by single Direct Gets, large ones by a short-lived consumer, or
   * by many Direct Gets where consumers are slow. Where a replica lags, by the leader.
   */
  async read(range: Range): Promise<RangeRead> {
    const isBatched = !olderThan(this.#bus.serverVersion, BATCHES_SINCE);
    const messages: StoredMessage[] = [];
    let anchor: Anchor | undefined;
    let bytes = 0;
    let next = range.from;
    while (next <= range.to) {
      const rest = { ...range, from: next, maxMessages: range.maxMessages - messages.length, maxBytes: range.maxBytes - bytes };
      const some = isBatched ? await this.#readBatchOrOne(rest, next === range.from) : await this.#readSome(rest, messages.length >= SEQUENTIAL_READS);
      // It says nothing of messages that were read later than its own.
      if (next === range.from || some.messages.length > 0) anchor = some.anchor;
      bytes += bytesOf(some.messages);
      messages.push(...some.messages);
      const last = messages.at(-1);
      if (some.isLast) break;
      if (last === undefined || some.messages.length === 0) throw RpcError.natsUnavailable(`nothing of ${range.subject} could be read from ${String(next)} on, though there is more`);
      next = last.sequence + 1;
      if (next <= range.to && (messages.length >= range.maxMessages || bytes >= range.maxBytes)) return { messages, readTo: last.sequence, anchor };
    }
    return { messages, readTo: range.to, anchor };
  }

  /**
   * Servers of a cluster that is being upgraded may answer which are older than the one that we are connected with. Then the leader
   * gives the next message: such replicas may differ from it for good.
   */
  async #readBatchOrOne(range: Range, anchored: boolean): Promise<Some> {
    try {
      return await this.#readBatch(range, anchored);
    } catch (error) {
      if (!(error instanceof OlderServerError)) throw error;
      return this.#isNext(range, await this.firstFrom(range.subject, range.from));
    }
  }

  async #readBatch(range: Range, anchored: boolean): Promise<Some> {
    const { messages, end, anchor } = await readBatch({ bus: this.#bus, stream: this.stream, leader: (sequence) => this.firstFrom(range.subject, sequence) }, range, anchored);
    const last = messages.at(-1);
    const isFull = messages.length >= range.maxMessages || bytesOf(messages) >= range.maxBytes;
    if (end !== "ended" || isFull) return { messages, isLast: end === "reached", anchor };
    const rest = { ...range, from: last ? last.sequence + 1 : range.from };
    // That replica may lag: the leader says whether there is more.
    const more = await this.#isNext(rest, await this.firstFrom(rest.subject, rest.from));
    return { messages: [...messages, ...more.messages], isLast: more.isLast, anchor: more.messages.length === 0 ? anchor : undefined };
  }

  async #readSome(range: Range, many: boolean): Promise<Some> {
    const read = many ? await this.#readMany(range) : [];
    if (read.length > 0) return { messages: read, isLast: false };
    return this.#isNext(range, (await this.#directNext(range.subject, range.from)) ?? (await this.firstFrom(range.subject, range.from)));
  }

  #readMany(range: Range): Promise<StoredMessage[]> {
    if (!olderThan(this.#bus.serverVersion, CONSUMERS_QUICK_SINCE)) return this.#bus.answers.run({ bytes: range.maxBytes }, () => consumeRange(this.#bus, this.stream, range));
    const { subject } = range;
    return readAhead({ direct: (sequence) => this.#directNext(subject, sequence), leader: (sequence) => this.firstFrom(subject, sequence) }, range);
  }

  /** What it means for a range that this message, or none, comes next on its subject. */
  async #isNext(range: Range, message: StoredMessage | undefined): Promise<Some> {
    if (message === undefined) await this.#assertNone(range);
    // Who has one behind the range has all before it.
    if (message === undefined || message.sequence > range.to) return { messages: [], isLast: true };
    return { messages: [message], isLast: false };
  }

  /**
   * Throws where a leader said that there is nothing in the range which was replaced and doesn't know it. A replica that holds
   * the range's end knows better: so one is asked that shows how far it is, for which it needs a tick in its answer.
   */
  async #assertNone({ subject, from, to }: Range): Promise<void> {
    if (!this.#bus.clustered || olderThan(this.#bus.serverVersion, OLDEST_CLUSTER)) return;
    for (let tries = 1; ; tries++) {
      const { newest, upTo } = await this.lastOfMany({ subjects: [subject, subjects.tick(this.#namespace)], from });
      if (newest.has(subject)) throw RpcError.natsUnavailable(`${this.stream} holds messages of ${subject} that its leader, or who was it, doesn't know`);
      if (upTo >= to) return;
      if (tries === LAG_TRIES) throw RpcError.natsUnavailable(`a replica of ${this.stream} lags: it ends at ${String(upTo)}, and ${String(to)} was asked for`);
      if (tries === 1) await this.#tick.afterNow();
      else await sleep(this.#clock, LAG_MS);
    }
  }

  async #sendBarrier(): Promise<void> {
    const impossible = makeHeaders({ [header.expectedStream]: "-" });
    const answer = await this.#bus.request(subjects.tick(this.#namespace), new Uint8Array(), API_TIMEOUT_MS, impossible);
    const { error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { error?: { err_code?: number; description?: string } };
    if (error?.err_code !== jetStreamErrorCode.streamWrongExpected) {
      throw RpcError.natsUnavailable(`the stream ${this.stream} answered a barrier with: ${error?.description ?? "an acknowledgement"}`);
    }
  }

  async #leaderGet(query: object): Promise<StoredMessage | undefined> {
    try {
      const ask = (): Promise<{ readonly message: ApiMessage }> => askJetStream<{ message: ApiMessage }>(this.#bus, `STREAM.MSG.GET.${this.stream}`, query);
      return fromApiMessage((await this.#bus.answers.run({ bytes: 0, lengthening: BASE64 }, ask)).message);
    } catch (error) {
      if (error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.noMessageFound) return undefined;
      throw error;
    }
  }

  /** By any replica; undefined also where that replica lags or the headers can't be read: the leader is asked then. */
  async #directNext(subject: string, sequence: number): Promise<StoredMessage | undefined> {
    const query = JSON.stringify({ seq: sequence, next_by_subj: subject });
    const answer = await this.#bus.answers.run({ bytes: 0 }, () => this.#bus.request(`$JS.API.DIRECT.GET.${this.stream}`, query, API_TIMEOUT_MS));
    try {
      return (answer.headers?.code ?? 0) === 0 ? fromDirectMessage(answer) : undefined;
    } catch {
      return undefined;
    }
  }
}

function bytesOf(messages: readonly StoredMessage[]): number {
  return messages.reduce((sum, { data }) => sum + data.length, 0);
}
