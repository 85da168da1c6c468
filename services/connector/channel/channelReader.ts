import type { StoredMessage } from "../../../lib/bus/storedMessage.js";
import { assertReached } from "../../../lib/bus/replacedLeader.js";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import type { Clock } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Position } from "../protocol/position.js";
import type { ChunkLimits } from "./channel.js";
import type { NamespaceFeed } from "./namespaceFeed.js";
import type { ChannelMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";
import { proveRecovery } from "./recoveryProof.js";
import type { Standing } from "./standing.js";

/** What the readers of a namespace share. */
interface ReaderParts {
  readonly feed: NamespaceFeed;
  readonly interpret: (message: ChannelMessage) => Publication | "tombstone" | undefined;
  readonly clock: Clock;
}

/** A stretch of the channel: everything above `from`, up to `to`. */
interface Stretch extends ChunkLimits {
  readonly from: number;
  readonly to: number;
  /** Nothing is between `from` and here: the proof need not reach further down. Default: `from`. */
  readonly proven?: number;
  /** The history in which these numbers mean something. */
  readonly epoch: string;
}

/** A stretch that is proven to be whole. */
interface WholeStretch {
  readonly publications: readonly Publication[];
  /** Everything up to here was read. */
  readonly readTo: number;
}

/** Reads one channel from its stream, with proof. Readers of the same stretch share one reading. */
export class ChannelReader {
  /** The subject under which the channel is stored. */
  readonly subject: string;
  readonly #channel: string;
  readonly #parts: ReaderParts;
  /** Made when first needed: most channels never read. */
  #underWay: Map<string, Promise<WholeStretch | undefined>> | undefined;

  constructor(channel: string, subject: string, parts: ReaderParts) {
    this.#channel = channel;
    this.subject = subject;
    this.#parts = parts;
  }

  /** The sequence of the newest message, by the leader; 0 when none is stored. */
  async newest(): Promise<number> {
    const { feed } = this.#parts;
    const { epoch, history, ticksProve } = feed;
    // Ticks prove where one server alone has the stream.
    const { sequence, seen } = await history.newestOf(this.subject, ticksProve);
    if (seen) feed.saw(seen, epoch);
    return sequence;
  }

  /** Reads a stretch; undefined where it can't be proven that nothing of it is gone. Rejects when NATS doesn't answer. */
  read(stretch: Stretch): Promise<WholeStretch | undefined> {
    const key = `${stretch.epoch} ${String(stretch.from)} ${String(stretch.to)} ${String(stretch.chunkBytes)}`;
    const underWay = (this.#underWay ??= new Map<string, Promise<WholeStretch | undefined>>());
    const same = underWay.get(key);
    if (same) return same;
    const reading = this.#readNow(stretch).finally(() => underWay.delete(key));
    underWay.set(key, reading);
    return reading;
  }

  /** Whether a position above all that is known here is one of this history, by the leader. */
  async stands({ offset, epoch }: Position): Promise<boolean> {
    const { history } = this.#parts.feed;
    const info = await history.infoAfterNow();
    return info.epoch === epoch && !(await history.endsBefore(info, offset));
  }

  /**
   * Up to where messages may have come and gone unseen since `proven`; undefined when none can have: it is younger than what
   * age removes (`provenAtMs`: when it was proven, monotonic clock), and the stream still begins at or below it.
   */
  async goneUpTo({ proven, provenAtMs, epoch }: Pick<Standing, "proven" | "provenAtMs" | "epoch">): Promise<number | undefined> {
    const { feed, clock } = this.#parts;
    const info = await feed.history.infoAfterNow();
    const isYoung = info.maxAgeMs === 0 || clock.monotonicMs() - provenAtMs < info.maxAgeMs;
    if (info.epoch === epoch && isYoung && info.firstSequence <= proven + 1) return undefined;
    return Math.max(proven, info.firstSequence - 1);
  }

  /**
   * Where the channel begins whose newest message, in the history `epoch`, the leader has named (0: none), `tick` being the newest
   * of this connection: what was seen, and up to where nothing follows. Rejects where that must be asked again.
   */
  async beginning(epoch: string, newest: number, tick: number): Promise<{ readonly last: number; readonly proven: number }> {
    const { feed } = this.#parts;
    // In a cluster the leader's word is not proven until an audit.
    if (newest > 0) return { last: newest, proven: feed.ticksProve ? tick : newest };
    // It may be one that was replaced, and doesn't know what the channel holds. One server that is alone has no elections.
    const info = feed.ticksProve ? await feed.history.infoAfterNow() : await this.#infoOfEmpty();
    if (info?.epoch !== epoch) throw RpcError.natsUnavailable(`${this.#channel} has changed while it was opened: ask again`);
    // What it held may be gone: nobody can say what was there before the stream's beginning. (One that never held anything may
    // say that it begins at 0.) A tick that this stream doesn't reach is of another history.
    return { last: Math.max(0, info.firstSequence - 1), proven: Math.min(tick, info.lastSequence) };
  }

  /** The state of the stream by who leads it now, if the channel holds nothing. */
  async #infoOfEmpty(): Promise<StreamInfo | undefined> {
    const { history } = this.#parts.feed;
    const fence = await history.fence();
    const counted = await history.countOf(this.subject);
    const info = await history.infoAfterNow();
    for (const answer of [counted, info]) assertReached(answer, fence);
    return counted.count > 0 ? undefined : info;
  }

  async #readNow({ from, to, proven = from, epoch, chunkMessages, chunkBytes }: Stretch): Promise<WholeStretch | undefined> {
    const { feed, clock } = this.#parts;
    const { subject } = this;
    const range = { subject, from: from + 1, to, maxMessages: chunkMessages, maxBytes: chunkBytes };
    const { messages, readTo, anchor } = await feed.history.read(range);
    const last = messages.at(-1);
    if (last) feed.saw(last, epoch);
    if (!(await proveRecovery(feed.history, { subject, offset: Math.max(from, Math.min(proven, to)), readTo, epoch, anchor }, clock))) return undefined;
    const publications = this.#interpretAll(messages);
    return publications && { publications, readTo };
  }

  /** Undefined where the history was cleared in between: nothing below a tombstone is read. */
  #interpretAll(messages: readonly StoredMessage[]): Publication[] | undefined {
    const publications: Publication[] = [];
    for (const { sequence, headers, data } of messages) {
      const publication = this.#parts.interpret({ channel: this.#channel, offset: sequence, headers, data });
      if (publication === "tombstone") return undefined;
      if (publication) publications.push(publication);
    }
    return publications;
  }
}
