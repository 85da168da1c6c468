import { answerPosition } from "../../channel/answerPosition.js";
import type { Chunk, ChunkLimits, ResetReason, Subscriber } from "../../channel/channel.js";
import type { ChannelHold } from "../../hub.js";
import type { Position } from "../../protocol/position.js";
import type { PollAnswer } from "./pollAnswer.js";

/** One channel of one poll: where the client stands, moved on by what is put into the answer. */
export class PollChannel {
  readonly #hold: ChannelHold;
  #position: Position | undefined;
  /** The id of a subscribe frame that waits for its answer. */
  #subscribeId: number | undefined;
  /** Of the poll, among the channel's subscribers; while it is attached. */
  #seat = 0;

  constructor(hold: ChannelHold, position: Position | undefined, subscribeId: number | undefined) {
    this.#hold = hold;
    this.#position = position;
    this.#subscribeId = subscribeId;
  }

  get name(): string {
    return this.#hold.channel.name;
  }

  get channel(): ChannelHold["channel"] {
    return this.#hold.channel;
  }

  /** Where the client stands after this answer; undefined: from now on, still. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** The id of the subscribe frame that brought it into this poll and is not answered. */
  get subscribeId(): number | undefined {
    return this.#subscribeId;
  }

  /** Whether nothing has come since the last read. */
  get caughtUp(): boolean {
    const { offset, epoch } = this.channel.position;
    return this.#position !== undefined && this.#position.epoch === epoch && this.#position.offset >= offset;
  }

  /** Whether the client stands where the channel does, and nobody waits for an answer. */
  get isUnchanged(): boolean {
    const { offset, epoch } = this.channel.position;
    return this.#subscribeId === undefined && this.#position?.epoch === epoch && this.#position.offset === offset;
  }

  /** Whether it has something to say also where no publication has room: an answer, or its first position. */
  get mustSpeak(): boolean {
    return this.#subscribeId !== undefined || this.#position === undefined;
  }

  /** What follows, with the verdict. Nothing has moved yet. Rejects with a retryable error when the history can't be read. */
  async fetch(limits: ChunkLimits): Promise<Chunk> {
    if (!this.#position || this.#subscribeId !== undefined) return answerPosition(this.channel, this.#position, limits);
    return this.channel.recent(this.#position, limits) ?? (await this.channel.recover(this.#position, limits));
  }

  /** The same where it is in memory and nobody waits for an answer; undefined otherwise. */
  fetchNow(limits: ChunkLimits): Chunk | undefined {
    return this.#position && this.#subscribeId === undefined ? this.channel.recent(this.#position, limits) : undefined;
  }

  /**
   * Moves over what was fetched last, into the answer: over its publications while there is room, not over the others. Whether the
   * client must be told its position soon: it has just got its first.
   */
  take(fetched: Chunk, answer: PollAnswer): boolean {
    const first = this.#position === undefined;
    const before = this.#position;
    const { publications, position, continuous } = this.#fit(fetched, answer);
    this.#position = position;
    const id = this.#subscribeId;
    if (id !== undefined) {
      this.#subscribeId = undefined;
      answer.add({ kind: "subscribed", id, channel: this.name, body: { position, recovered: continuous, publications } });
      return first;
    }
    if (!continuous) {
      const reason: ResetReason = before?.epoch === position.epoch ? "HISTORY_LOST" : "HISTORY_CHANGED";
      answer.add({ kind: "reset", channel: this.name, position, reason });
    }
    answer.addPublications(publications);
    return first;
  }

  attach(subscriber: Subscriber): void {
    this.#seat = this.channel.attach(subscriber);
  }

  detach(subscriber: Subscriber): void {
    this.channel.detach(this.#seat, subscriber);
  }

  release(): void {
    this.#hold.release();
  }

  /** The beginning of a chunk that fits; the last publication of it may be larger than what is left. */
  #fit(chunk: Chunk, answer: PollAnswer): Chunk {
    let left = answer.room;
    if (answer.sizeOf(chunk.publications) <= left) return chunk;
    let count = 0;
    for (const { json } of chunk.publications) {
      if (left <= 0) break;
      left -= Buffer.byteLength(json);
      count += 1;
    }
    if (count === chunk.publications.length) return chunk;
    const publications = chunk.publications.slice(0, count);
    const last = publications.at(-1);
    // What is proven to follow a position without a hole also follows each publication on the way.
    const position = last ? { offset: last.offset, epoch: chunk.position.epoch } : (this.#position ?? chunk.position);
    return { ...chunk, publications, position };
  }
}
