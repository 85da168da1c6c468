import type { BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { Pause } from "../../../lib/pause.js";
import type { Position } from "../protocol/position.js";
import type { Channel, Chunk, ChunkLimits, ResetReason, Subscriber } from "./channel.js";
import { ChannelReader } from "./channelReader.js";
import { Fanout } from "./fanout.js";
import { gapRule } from "./gapRule.js";
import type { FeedChannel } from "./namespaceFeed.js";
import { type MessagePlace, readPlace } from "./messagePlace.js";
import type { ChannelMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";
import { Ring } from "./ring.js";
import { Standing } from "./standing.js";
import type { StoredChannelParts } from "./storedChannelParts.js";
import { WaitingMessages } from "./waitingMessages.js";

/** Something to do before live messages may be taken again. Rejects when it must be tried again. */
type Work = () => Promise<void>;

/** What a repair reads at a time. */
const REPAIR_CHUNK: ChunkLimits = { chunkMessages: 1_000, chunkBytes: 1024 * 1024 };
/** What could not be done is tried again after this long, doubled each time up to the cap; at once when NATS is back. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 4_000;

/**
 * A channel with history: live messages by core subscription, checked by the gap rule; what is missing is read from the
 * stream before anything newer is delivered.
 *
 * It is `opening` until it has interest, a barrier has passed, and the leader has named the last message; then `live`.
 * While it is `behind` (a hole is being filled, the connection was lost, the history changed) live messages wait, within
 * bounds; past them they are dropped and read from the stream.
 */
export class StoredChannel implements Channel, FeedChannel {
  readonly name: string;
  readonly standing: Standing;
  readonly #parts: StoredChannelParts;
  readonly #reader: ChannelReader;
  readonly #interest: BusSubscription;
  readonly #fanout: Fanout;
  /** Who waits for its first being live. */
  #whenOpen: (() => void)[] | undefined;
  #state: "opening" | "live" | "behind" = "opening";
  readonly #ring: Ring;
  /** The stream holds the channel's message of this sequence. */
  #expected = 0;
  #mustEstablish = true;
  readonly #waiting: WaitingMessages;
  /** Before the next try. Made when first needed: most channels never try twice. */
  #pause: Pause | undefined;
  #closed = false;

  constructor(name: string, parts: StoredChannelParts) {
    const { feed, ringBytes, budget } = parts;
    const { live, stored } = feed.subjectsOf(name);
    this.name = name;
    this.#parts = parts;
    this.#ring = new Ring(0, ringBytes, budget);
    this.#fanout = new Fanout(parts.turnEnd, parts.log);
    this.standing = new Standing(feed.proofs, parts.clock);
    this.#waiting = new WaitingMessages(parts);
    this.#reader = new ChannelReader(name, stored, parts);
    this.#interest = parts.subscribe(live, (message) => { this.#onMessage(message); });
    feed.follow(this);
    this.#start(undefined);
  }

  get isOpen(): boolean {
    return this.#state !== "opening";
  }

  get subject(): string {
    return this.#reader.subject;
  }

  get isProvable(): boolean {
    return this.#parts.feed.isProvable;
  }

  get position(): Position {
    return { offset: this.standing.proven, epoch: this.standing.epoch };
  }

  provenWatermark(): Position | undefined {
    this.#fanout.deliver();
    const { watermark: offset, epoch } = this.standing;
    return offset === undefined ? undefined : { offset, epoch };
  }

  opened(): Promise<void> {
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => (this.#whenOpen ??= []).push(resolve));
  }

  recent({ offset, epoch }: Position, { chunkMessages, chunkBytes }: ChunkLimits): Chunk | undefined {
    const { last } = this.standing;
    if (epoch !== this.standing.epoch) return this.#lost();
    const { offset: newest } = this.position;
    // Above all that is known here: another connector may have seen more, or nobody has. The leader knows.
    if (offset > newest) return undefined;
    if (offset >= last) return { publications: [], position: this.position, continuous: true };
    if (offset < this.#ring.floor) return undefined;
    const publications = this.#ring.since(offset, chunkMessages, chunkBytes);
    const end = publications.at(-1)?.offset;
    const isLast = end === undefined || end >= last || !this.#ring.hasAbove(end);
    return { publications, position: isLast ? this.position : { offset: end, epoch }, continuous: true };
  }

  async recover(position: Position, limits: ChunkLimits): Promise<Chunk> {
    // What replicas that may differ for good have stored proves nothing.
    if (!this.isProvable) return this.#lost();
    if (position.offset >= this.#ring.floor) return (await this.#reader.stands(position)) ? { publications: [], position, continuous: true } : this.#lost();
    // Whoever stood in line before may have read the same.
    return this.#parts.feed.reads.run(async () => this.recent(position, limits) ?? (await this.#recoverByReading(position, limits)));
  }

  async #recoverByReading(position: Position, limits: ChunkLimits): Promise<Chunk> {
    const { epoch } = this.standing;
    const to = this.#ring.floor;
    const chunk = await this.#reader.read({ from: position.offset, to, epoch, ...limits });
    if (chunk === undefined || epoch !== this.standing.epoch) return this.#lost();
    if (chunk.readTo === to && this.#ring.floor === to && !this.#isClosed()) this.#ring.extendDown(position.offset, chunk.publications);
    return { publications: chunk.publications, position: { offset: chunk.readTo, epoch }, continuous: true };
  }

  attach(subscriber: Subscriber): number {
    return this.#fanout.attach(subscriber);
  }

  detach(seat: number, subscriber: Subscriber): void {
    this.#fanout.detach(seat, subscriber);
  }

  close(): void {
    this.#closed = true;
    this.#interest.unsubscribe();
    this.#parts.feed.unfollow(this);
    this.#ring.evict();
    this.#fanout.clear();
    this.#waiting.clear();
    this.#pause?.end();
  }

  suspend(): void {
    this.standing.distrust();
    this.resync();
  }

  resync(): void {
    this.#mustEstablish = true;
    if (this.#state === "live") this.#start(undefined);
    else this.#pause?.end();
  }

  expect(sequence: number): void {
    this.#expected = Math.max(this.#expected, sequence);
    if (this.#state === "live" && this.#expected > this.standing.last) this.#start(undefined);
  }

  changeEpoch(): void {
    this.resync();
  }

  /** As a call, because it may have become true during any await. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #lost(): Chunk {
    return { publications: [], position: this.position, continuous: false };
  }

  #onMessage(message: BusMessage): void {
    this.#parts.onMessage();
    const work = this.#state === "live" ? this.#take(message) : undefined;
    if (this.#state !== "live" || work) this.#waiting.add(message);
    if (work) this.#start(work);
  }

  /** Delivers a message, drops it, or says what must be done before it can be. */
  #take(message: BusMessage): Work | undefined {
    const place = readPlace(message);
    if (place === "unreadable") return () => this.#readInstead(message);
    // Not from a stream: somebody publishes onto the republished subjects. It has no place in the history.
    if (place === undefined) return undefined;
    switch (gapRule(place, this.standing.last, this.standing.proven)) {
      case "drop":
        return undefined;
      case "repair":
        return () => this.#repair(place.previous);
      case "ask":
        return () => this.#ask(place);
      case "deliver":
        this.#parts.feed.saw({ sequence: place.sequence, subject: this.#reader.subject, data: message.data }, this.standing.epoch);
        this.#deliver({ channel: this.name, offset: place.sequence, headers: place.headers, data: message.data });
        return undefined;
    }
  }

  #deliver(message: ChannelMessage): void {
    const { last: before, proven } = this.standing;
    this.standing.see(message.offset);
    this.standing.confirm();
    const publication = this.#parts.interpret(message);
    if (publication === "tombstone") this.#reset("HISTORY_CLEARED", proven);
    else if (publication) this.#push(publication, before);
  }

  #push(publication: Publication, before: number): void {
    this.#ring.push(publication);
    this.#fanout.push(publication, before);
  }

  #reset(reason: ResetReason, above: number): void {
    const hole = { above, upTo: this.standing.last };
    this.#ring.clear(hole.upTo);
    this.#fanout.reset(reason, hole);
  }

  /** Leaves `live`, does the work, then takes what has waited; until nothing is left to do. */
  #start(work: Work | undefined): void {
    if (this.#state === "live") {
      this.standing.leaveLive();
      this.#state = "behind";
    }
    this.#run(work).catch((error: unknown) => {
      if (!this.#isClosed()) this.#parts.log.error({ err: error, channel: this.name }, "a channel can't be followed any more");
    });
  }

  async #run(first: Work | undefined): Promise<void> {
    let work = first;
    let retryMs = FIRST_RETRY_MS;
    while (!this.#isClosed()) {
      if (this.#mustEstablish) work = () => this.#establish();
      else if (this.#expected > this.standing.last) work ??= () => this.#repair(this.#expected);
      if (!work) break;
      try {
        await this.#parts.feed.reads.run(work);
        work = this.#isClosed() ? undefined : this.#takeWaiting();
      } catch (error) {
        if (this.#isClosed()) return;
        this.#parts.log.debug({ err: error, channel: this.name }, "a channel is behind; it is tried again");
        await (this.#pause ??= new Pause(this.#parts.clock)).wait(retryMs * (1 + Math.random()));
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
    if (this.#isClosed()) return;
    this.#state = "live";
    this.standing.enterLive();
    for (const resolve of this.#whenOpen ?? []) resolve();
    this.#whenOpen = undefined;
  }

  #takeWaiting(): Work | undefined {
    if (!this.#waiting.hasOverflowed) return this.#waiting.takeUntil((message) => this.#take(message));
    this.#waiting.clear();
    return () => this.#readUpToLeader();
  }

  /** Finds out what the leader has, behind a barrier, and reads what was missed since the channel was last live. */
  async #establish(): Promise<void> {
    const { feed } = this.#parts;
    const standing = this.standing;
    this.#mustEstablish = false;
    try {
      await Promise.all([feed.refresh(), feed.history.barrier()]);
      const { epoch, tick } = feed;
      const newest = await this.#reader.newest();
      if (feed.epoch !== epoch) throw RpcError.natsUnavailable(`the history of ${this.name} has changed: ask again`);
      if (this.#state === "opening") await this.#beginAt(epoch, newest, tick);
      else if (standing.epoch !== epoch) await this.#continueAt(epoch, newest, tick);
      else {
        await this.#catchUp(newest);
        // The leader named the newest after this tick had come: nothing is between them. In a cluster that leader may be one
        // that was replaced, and only an audit proves.
        if (feed.ticksProve) standing.prove(tick);
      }
      // What is begun already may have looked at the channel before it stood here.
      standing.trustAfter(feed.proofs.begun);
      standing.confirm();
    } catch (error) {
      this.#mustEstablish = true;
      throw error;
    }
  }

  async #beginAt(epoch: string, newest: number, tick: number): Promise<void> {
    const { last, proven } = await this.#reader.beginning(epoch, newest, tick);
    // What was seen of another history is told as such.
    this.#fanout.deliver();
    this.standing.begin(epoch, last, proven);
    this.#expected = 0;
    // Nothing is between here and what is proven: who comes with an older position reads up to a message, beyond which no
    // server has to be asked for more.
    this.#ring.clear(last);
  }

  async #continueAt(epoch: string, newest: number, tick: number): Promise<void> {
    await this.#beginAt(epoch, newest, tick);
    // What waits may be of the history before, under numbers that mean something else now.
    this.#waiting.drop();
    this.#fanout.reset("HISTORY_CHANGED");
  }

  /** This copy of a message doesn't say where it stands; the stream does. */
  async #readInstead(message: BusMessage): Promise<void> {
    await this.#readUpToLeader();
    if (this.#waiting.first === message) this.#waiting.shift();
  }

  async #readUpToLeader(): Promise<void> {
    await this.#catchUp(await this.#reader.newest());
  }

  /** The leader has named its newest: reads up to it. Where there is nothing to read, others may have come and gone. */
  async #catchUp(newest: number): Promise<void> {
    if (newest > this.standing.last) await this.#repair(newest);
    else this.#loseUpTo(await this.#reader.goneUpTo(this.standing));
  }

  #loseUpTo(sequence: number | undefined): void {
    if (sequence === undefined) return;
    const { proven } = this.standing;
    this.standing.see(sequence);
    this.#reset("HISTORY_LOST", proven);
  }

  /** Reads and delivers everything up to `to`, or tells the subscribers that it is lost. */
  async #repair(to: number): Promise<void> {
    const standing = this.standing;
    let repaired = 0;
    while (standing.last < to) {
      const { last: from, proven, epoch } = standing;
      const chunk = await this.#reader.read({ from, to, proven, epoch, ...REPAIR_CHUNK });
      if (this.#isClosed()) return;
      if (chunk === undefined) {
        this.#loseUpTo(to);
        return;
      }
      for (const publication of chunk.publications) {
        const before = standing.last;
        standing.see(publication.offset);
        this.#push(publication, before);
      }
      standing.see(chunk.readTo);
      repaired += chunk.publications.length;
    }
    this.#parts.onRepaired(repaired);
  }

  /** The message is the only one on the channel: were there others that came and went since the channel was proven? */
  async #ask({ sequence }: MessagePlace): Promise<void> {
    const gone = await this.#reader.goneUpTo(this.standing);
    if (gone === undefined) this.standing.prove(sequence - 1);
    else this.#loseUpTo(sequence - 1);
  }
}
