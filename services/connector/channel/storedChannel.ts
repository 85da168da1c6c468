import type { BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import { type Clock, sleep } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import type { Position } from "../protocol/position.js";
import type { Channel, Chunk, ChunkLimits, ResetReason, Subscriber } from "./channel.js";
import { ChannelReader } from "./channelReader.js";
import { gapRule } from "./gapRule.js";
import type { FeedChannel, NamespaceFeed } from "./namespaceFeed.js";
import { type MessagePlace, readPlace } from "./messagePlace.js";
import type { ChannelMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";
import { Ring } from "./ring.js";
import type { RingBudget } from "./ringBudget.js";

/** What a channel is made with. */
export interface StoredChannelParts {
  readonly name: string;
  readonly feed: NamespaceFeed;
  readonly budget: RingBudget;
  readonly ringBytes: number;
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  readonly subscribe: (subject: string, handler: (message: BusMessage) => void) => BusSubscription;
  /** A publication, a tombstone, or undefined for a message that is not delivered (and has been dealt with). */
  readonly interpret: (message: ChannelMessage) => Publication | "tombstone" | undefined;
  /** Told when a hole was found and how many messages were read to fill it. */
  readonly onRepaired: (messages: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Something to do before live messages may be taken again. Rejects when it must be tried again. */
type Work = () => Promise<void>;

const RETRY_MS = 250;

/**
 * A channel with history: live messages by core subscription, checked by the gap rule; what is missing is read from the
 * stream before anything newer is delivered.
 *
 * It is `opening` until it has interest, a barrier has passed, and the leader has named the last message; then `live`.
 * While it is `behind` (a hole is being filled, the connection was lost, the history changed) live messages wait, at most
 * `waitingMessages` of them; past that they are dropped and read from the stream.
 */
export class StoredChannel implements Channel, FeedChannel {
  readonly name: string;
  readonly #parts: StoredChannelParts;
  readonly #reader: ChannelReader;
  readonly #interest: BusSubscription;
  readonly #unfollow: () => void;
  readonly #subscribers = new Set<Subscriber>();
  readonly #opened: Promise<void>;
  #resolveOpened: () => void = () => undefined;
  #state: "opening" | "live" | "behind" = "opening";
  #ring: Ring;
  #epoch = "";
  /** The newest sequence seen. */
  #last = 0;
  /** At or above `last`: nothing on the channel between them. */
  #proven = 0;
  #provenAtMs = 0;
  /** Ticks that came later than this one prove the channel. */
  #liveSince = Infinity;
  #mustEstablish = true;
  #waiting: BusMessage[] = [];
  #waitingBytes = 0;
  #waitingOverflowed = false;
  #closed = false;

  constructor(parts: StoredChannelParts) {
    const { name, feed, ringBytes, budget } = parts;
    const { live, stored } = feed.subjectsOf(name);
    this.name = name;
    this.#parts = parts;
    this.#ring = new Ring(0, ringBytes, budget);
    this.#reader = new ChannelReader({ channel: name, subject: stored, feed, interpret: parts.interpret, clock: parts.clock });
    this.#opened = new Promise((resolve) => { this.#resolveOpened = resolve; });
    this.#interest = parts.subscribe(live, (message) => { this.#onMessage(message); });
    this.#unfollow = feed.follow(this);
    this.#start(undefined);
  }

  get isOpen(): boolean {
    return this.#state !== "opening";
  }

  get isProvable(): boolean {
    return this.#parts.feed.isProvable;
  }

  get position(): Position {
    return { offset: Math.max(this.#last, this.#provenNow()), epoch: this.#epoch };
  }

  get watermark(): Position | undefined {
    const { tick, tickSerial } = this.#parts.feed;
    return this.#state === "live" && tickSerial > this.#liveSince ? { offset: tick, epoch: this.#epoch } : undefined;
  }

  opened(): Promise<void> {
    return this.#opened;
  }

  recent({ offset, epoch }: Position, { chunkMessages, chunkBytes }: ChunkLimits): Chunk | undefined {
    if (epoch !== this.#epoch) return this.#lost();
    const { offset: newest } = this.position;
    // Above all that is known here: another connector may have seen more, or nobody has. The leader knows.
    if (offset > newest) return undefined;
    if (offset >= this.#last) return { publications: [], position: this.position, continuous: true };
    if (offset < this.#ring.floor) return undefined;
    const publications = this.#ring.since(offset, chunkMessages, chunkBytes);
    const end = publications.at(-1)?.offset;
    const isLast = end === undefined || end >= this.#last || this.#ring.since(end, 1, 1).length === 0;
    return { publications, position: isLast ? this.position : { offset: end, epoch }, continuous: true };
  }

  async recover(position: Position, limits: ChunkLimits): Promise<Chunk> {
    const epoch = this.#epoch;
    const to = this.#ring.floor;
    if (position.offset >= to) return this.#vouchForNewer(position);
    const chunk = await this.#parts.feed.reads.run(() => this.#reader.read({ from: position.offset, to, epoch, ...limits }));
    if (chunk === undefined || epoch !== this.#epoch) return this.#lost();
    if (chunk.readTo === to && this.#ring.floor === to && !this.#isClosed()) this.#ring.extendDown(position.offset, chunk.publications);
    return { publications: chunk.publications, position: { offset: chunk.readTo, epoch }, continuous: true };
  }

  attach(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
  }

  detach(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  close(): void {
    this.#closed = true;
    this.#interest.unsubscribe();
    this.#unfollow();
    this.#ring.evict();
    this.#subscribers.clear();
    this.#waiting = [];
  }

  suspend(): void {
    this.#keepProof();
    this.#liveSince = Infinity;
    this.resync();
  }

  resync(): void {
    this.#mustEstablish = true;
    if (this.#state === "live") this.#start(undefined);
  }

  changeEpoch(): void {
    this.resync();
  }

  /** As a call, because it may have become true during any await. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #provenNow(): number {
    return Math.max(this.#proven, this.watermark?.offset ?? 0);
  }

  /** What the ticks have proven stays proven when the channel leaves `live`. */
  #keepProof(): void {
    const { watermark } = this;
    if (!watermark) return;
    this.#proven = Math.max(this.#proven, watermark.offset);
    this.#provenAtMs = this.#parts.feed.tickAtMs;
  }

  #lost(): Chunk {
    return { publications: [], position: this.position, continuous: false };
  }

  /** A position above all that this connector knows is as good as the leader says. */
  async #vouchForNewer(position: Position): Promise<Chunk> {
    const info = await this.#parts.feed.history.infoAfterNow();
    const stands = info.epoch === position.epoch && info.lastSequence >= position.offset;
    return stands ? { publications: [], position, continuous: true } : this.#lost();
  }

  #onMessage(message: BusMessage): void {
    if (this.#state !== "live") {
      this.#wait(message);
      return;
    }
    const work = this.#take(message);
    if (work) {
      this.#waiting.push(message);
      this.#start(work);
    }
  }

  #wait(message: BusMessage): void {
    const { waitingMessages, waitingBytes } = this.#parts;
    if (this.#waiting.length >= waitingMessages || this.#waitingBytes >= waitingBytes) this.#waitingOverflowed = true;
    if (this.#waitingOverflowed) return;
    this.#waiting.push(message);
    this.#waitingBytes += message.data.length;
  }

  /** Delivers a message, drops it, or says what must be done before it can be. */
  #take(message: BusMessage): Work | undefined {
    const place = readPlace(message);
    if (place === "unreadable") return () => this.#readInstead(message);
    // Not from a stream: somebody publishes onto the republished subjects. It has no place in the history.
    if (place === undefined) return undefined;
    switch (gapRule(place, this.#last, this.#provenNow())) {
      case "drop":
        return undefined;
      case "repair":
        return () => this.#repair(place.previous);
      case "ask":
        return () => this.#ask(place);
      case "deliver":
        this.#parts.feed.saw({ sequence: place.sequence, subject: this.#reader.subject, data: message.data });
        this.#deliver({ channel: this.name, offset: place.sequence, headers: place.headers, data: message.data });
        return undefined;
    }
  }

  #deliver(message: ChannelMessage): void {
    const before = this.#last;
    this.#last = message.offset;
    this.#proven = Math.max(this.#proven, message.offset);
    this.#provenAtMs = this.#parts.clock.monotonicMs();
    const publication = this.#parts.interpret(message);
    if (publication === "tombstone") this.#reset("HISTORY_CLEARED");
    else if (publication) this.#push(publication, before);
  }

  #push(publication: Publication, before: number): void {
    this.#ring.push(publication);
    for (const subscriber of this.#subscribers) subscriber.onPublication(publication, before);
  }

  #reset(reason: ResetReason): void {
    this.#ring.clear(this.#last);
    for (const subscriber of this.#subscribers) subscriber.onReset(reason);
  }

  /** Leaves `live`, does the work, then takes what has waited; until nothing is left to do. */
  #start(work: Work | undefined): void {
    if (this.#state === "live") {
      this.#keepProof();
      this.#state = "behind";
    }
    this.#run(work).catch((error: unknown) => {
      if (!this.#isClosed()) this.#parts.log.error({ err: error, channel: this.name }, "a channel can't be followed any more");
    });
  }

  async #run(first: Work | undefined): Promise<void> {
    let work = first;
    while (!this.#isClosed()) {
      if (this.#mustEstablish) work = () => this.#establish();
      if (!work) break;
      try {
        await this.#parts.feed.reads.run(work);
        work = this.#isClosed() ? undefined : this.#takeWaiting();
      } catch (error) {
        if (this.#isClosed()) return;
        this.#parts.log.debug({ err: error, channel: this.name }, "a channel is behind; it is tried again");
        await sleep(this.#parts.clock, RETRY_MS * (1 + Math.random()));
      }
    }
    if (this.#isClosed()) return;
    this.#state = "live";
    this.#resolveOpened();
  }

  #takeWaiting(): Work | undefined {
    if (this.#waitingOverflowed) {
      this.#waitingOverflowed = false;
      this.#waiting = [];
      this.#waitingBytes = 0;
      return () => this.#readUpToLeader();
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [at, message] of waiting.entries()) {
      const work = this.#take(message);
      if (work) {
        this.#waiting = waiting.slice(at);
        this.#waitingBytes = this.#waiting.reduce((bytes, { data }) => bytes + data.length, 0);
        return work;
      }
    }
    return undefined;
  }

  /** Finds out what the leader has, behind a barrier, and reads what was missed since the channel was last live. */
  async #establish(): Promise<void> {
    const { feed, clock } = this.#parts;
    this.#mustEstablish = false;
    try {
      await Promise.all([feed.refresh(), feed.history.barrier()]);
      const { tick, tickSerial } = feed;
      const newest = await this.#reader.newest();
      if (this.#state === "opening") this.#beginAt(Math.max(newest, tick), newest);
      else if (this.#epoch !== feed.epoch) this.#continueAt(Math.max(newest, tick), newest);
      else {
        if (newest > this.#last) await this.#repair(newest);
        // The leader named the newest after this tick had come: nothing is between them.
        this.#proven = Math.max(this.#proven, tick);
      }
      this.#liveSince = tickSerial;
      this.#provenAtMs = clock.monotonicMs();
    } catch (error) {
      this.#mustEstablish = true;
      throw error;
    }
  }

  #beginAt(proven: number, last: number): void {
    this.#epoch = this.#parts.feed.epoch;
    this.#last = last;
    this.#proven = proven;
    this.#ring.clear(proven);
  }

  #continueAt(proven: number, last: number): void {
    this.#beginAt(proven, last);
    // What waits may be of the history before, under numbers that mean something else now.
    this.#waiting = [];
    this.#waitingOverflowed = true;
    for (const subscriber of this.#subscribers) subscriber.onReset("HISTORY_CHANGED");
  }

  /** This copy of a message doesn't say where it stands; the stream does. */
  async #readInstead(message: BusMessage): Promise<void> {
    await this.#readUpToLeader();
    if (this.#waiting[0] === message) this.#waiting.shift();
  }

  async #readUpToLeader(): Promise<void> {
    const newest = await this.#reader.newest();
    if (newest > this.#last) await this.#repair(newest);
  }

  /** Reads and delivers everything up to `to`, or tells the subscribers that it is lost. */
  async #repair(to: number): Promise<void> {
    const { chunkMessages, chunkBytes } = REPAIR_CHUNK;
    let repaired = 0;
    while (this.#last < to) {
      const chunk = await this.#reader.read({ from: this.#last, to, proven: this.#proven, epoch: this.#epoch, chunkMessages, chunkBytes });
      if (this.#isClosed()) return;
      if (chunk === undefined) {
        this.#last = to;
        this.#proven = Math.max(this.#proven, to);
        this.#reset("HISTORY_LOST");
        return;
      }
      for (const publication of chunk.publications) {
        const before = this.#last;
        this.#last = publication.offset;
        this.#push(publication, before);
      }
      this.#last = Math.max(this.#last, chunk.readTo);
      this.#proven = Math.max(this.#proven, this.#last);
      repaired += chunk.publications.length;
    }
    this.#parts.onRepaired(repaired);
  }

  /** The message is the only one on the channel: were there others that came and went since the channel was proven? */
  async #ask({ sequence }: MessagePlace): Promise<void> {
    const { feed, clock } = this.#parts;
    const info = await feed.history.infoAfterNow();
    const young = info.maxAgeMs === 0 || clock.monotonicMs() - this.#provenAtMs < info.maxAgeMs;
    const unbroken = info.epoch === this.#epoch && young && info.firstSequence <= this.#proven + 1;
    this.#proven = Math.max(this.#proven, sequence - 1);
    if (unbroken) return;
    this.#last = sequence - 1;
    this.#reset("HISTORY_LOST");
  }
}

const REPAIR_CHUNK: ChunkLimits = { chunkMessages: 1_000, chunkBytes: 1024 * 1024 };
