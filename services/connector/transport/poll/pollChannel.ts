import { answerPosition } from "../../channel/answerPosition.js";
import type { Chunk, ChunkLimits, ResetReason, Subscriber } from "../../channel/channel.js";
import type { ChannelHold } from "../../hub.js";
import type { Position } from "../../protocol/position.js";
import type { ServerFrame } from "../../protocol/serverFrame.js";

/** One channel of one poll: where the client stands, moved on by what is put into the answer. */
export class PollChannel {
  readonly #hold: ChannelHold;
  #position: Position | undefined;
  /** The id of a subscribe frame that waits for its answer. */
  #subscribeId: number | undefined;

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

  /**
   * Reads on. Gives the frames for the answer, and whether the client must be told its position soon: it has just got its
   * first. Rejects with a retryable error when the history can't be read; nothing has moved then.
   */
  async read(limits: ChunkLimits): Promise<{ readonly frames: ServerFrame[]; readonly first: boolean }> {
    const first = this.#position === undefined;
    const before = this.#position;
    const chunk = await this.#next(limits);
    this.#position = chunk.position;
    const id = this.#subscribeId;
    if (id !== undefined) {
      this.#subscribeId = undefined;
      const body = { position: chunk.position, recovered: chunk.continuous, publications: chunk.publications };
      return { frames: [{ kind: "subscribed", id, channel: this.name, body }], first };
    }
    const frames: ServerFrame[] = chunk.publications.map((publication) => ({ kind: "publication", publication }));
    if (!chunk.continuous) {
      const reason: ResetReason = before?.epoch === chunk.position.epoch ? "HISTORY_LOST" : "HISTORY_CHANGED";
      frames.unshift({ kind: "reset", channel: this.name, position: chunk.position, reason });
    }
    return { frames, first };
  }

  attach(subscriber: Subscriber): void {
    this.channel.attach(subscriber);
  }

  detach(subscriber: Subscriber): void {
    this.channel.detach(subscriber);
  }

  release(): void {
    this.#hold.release();
  }

  async #next(limits: ChunkLimits): Promise<Chunk> {
    if (!this.#position || this.#subscribeId !== undefined) return answerPosition(this.channel, this.#position, limits);
    return this.channel.recent(this.#position, limits) ?? (await this.channel.recover(this.#position, limits));
  }
}
