import type { ClientFrame } from "../../../../gen/halley/v1/client.js";
import { EVERYONE_CHANNEL, inboxOf } from "../../../../lib/channel/channelName.js";
import type { Timer } from "../../../../lib/clock.js";
import { RpcError } from "../../../../lib/errors/rpcError.js";
import type { Chunk, ChunkLimits, Subscriber } from "../../channel/channel.js";
import { CLOSE } from "../../protocol/closeCodes.js";
import { encodePositions, positionOf, type Position } from "../../protocol/position.js";
import type { ServerFrame } from "../../protocol/serverFrame.js";
import type { PublishSlots } from "../../session/publishSlots.js";
import type { SessionServices } from "../../session/session.js";
import { PollAnswer } from "./pollAnswer.js";
import { PollChannel } from "./pollChannel.js";
import type { PollRequest } from "./pollRequest.js";
import type { PublicationEncoder } from "./publicationEncoder.js";

/** Why a waiting poll is answered before anything came. */
export type PollEnd = "superseded" | "draining" | "gone";

/** What a poll is answered for. */
export interface PollContext {
  readonly services: SessionServices;
  readonly userId: string;
  /** Whether the client doesn't know its session id yet. */
  readonly isNew: boolean;
  /** The end of the token's life, milliseconds since 1970; Infinity where it has none. */
  readonly expiresAtMs: number;
  readonly publishes: PublishSlots;
  readonly encoder: PublicationEncoder;
  /** Told how many publications the answer holds. */
  readonly onDelivered: (publications: number) => void;
}

/** Channels that are read at the same time; each holds up to `chunkBytes` until its turn. */
const READ_TOGETHER = 16;

/**
 * One poll. It has no state but what the request brought: it reads what follows the client's positions, and where there is
 * nothing, waits for the first thing to come. The answer's positions move only over what is in the answer, so whoever
 * repeats the request gets the same again.
 */
export class Poll implements Subscriber {
  readonly #request: PollRequest;
  readonly #context: PollContext;
  readonly #channels = new Map<string, PollChannel>();
  /** Could not be read in the last round. */
  readonly #unreadable = new Set<PollChannel>();
  readonly #answer: PollAnswer;
  #mustAnswer: boolean;
  #end: PollEnd | undefined;
  #wake: () => void = () => undefined;

  constructor(request: PollRequest, context: PollContext) {
    this.#request = request;
    this.#context = context;
    this.#answer = new PollAnswer(context.encoder);
    this.#mustAnswer = context.isNew;
  }

  /** The channels that are subscribed after this poll. */
  get channels(): ReadonlySet<string> {
    return new Set(this.#channels.keys());
  }

  /** Runs the frames and gathers the answer: the frames and positions of the body, as JSON texts. Called once. */
  async answer(onSubscriptionsKnown: () => void): Promise<{ readonly frames: string; readonly positions: string }> {
    try {
      this.#holdChannels();
      const answered = this.#request.frames.length > 0 ? this.#runFrames() : undefined;
      onSubscriptionsKnown();
      // Mostly there is nothing to wait for, and a promise costs as much as a read of memory.
      if (answered || !this.#areOpen()) await Promise.all([this.#openChannels(), answered]);
      await this.#gather();
      if (this.#isAbandoned()) return { frames: "[]", positions: this.#positionsAsSent() };
      if (this.#end === "draining") this.#answer.add({ kind: "disconnect", close: CLOSE.draining, afterMs: Math.round(Math.random() * 1_000) });
      this.#context.onDelivered(this.#answer.publications);
      return { frames: this.#answer.frames, positions: this.#positionsNow() };
    } finally {
      for (const channel of this.#channels.values()) channel.release();
    }
  }

  /** Ends the waiting. */
  end(end: PollEnd): void {
    this.#end ??= end;
    this.#wake();
  }

  onPublications(): void {
    // Everything of this turn is handed over before the answer is made: a promise resolves when the turn's end is done.
    this.#wake();
  }

  onReset(): void {
    this.#wake();
  }

  onFault(): void {
    // It reads what it answers from the channels, and was only to be woken.
    this.#wake();
  }

  #holdChannels(): void {
    const { positions } = this.#request;
    const own = [inboxOf(this.#context.userId), EVERYONE_CHANNEL];
    for (const channel of own) this.#hold(channel, positions.get(channel), undefined);
    for (const [channel, position] of positions) {
      if (own.includes(channel)) continue;
      try {
        this.#hold(channel, position, undefined);
      } catch (error) {
        this.#answer.add({ kind: "unsubscribed", id: 0, channel, reason: this.#explain(error).reason });
      }
    }
  }

  /** Takes a share in a channel that the user may read. Throws the refusal. */
  #hold(channel: string, position: Position | undefined, subscribeId: number | undefined): void {
    const { hub, permissions, limits } = this.#context.services;
    // The inbox and `all` belong to every session, on every transport.
    if (!this.#isOwn(channel)) permissions.toSubscribe(this.#context.userId, channel);
    if (!this.#channels.has(channel) && this.#channels.size >= limits.subscriptionsPerSession + OWN_CHANNELS) {
      throw new RpcError("TOO_MANY_SUBSCRIPTIONS", `a session may have ${String(limits.subscriptionsPerSession)} subscriptions`);
    }
    this.#overtake(channel);
    this.#channels.set(channel, new PollChannel(hub.hold(channel), position, subscribeId));
  }

  /** A later frame speaks of the channel: a subscribe frame that waits for its answer is refused. */
  #overtake(channel: string): void {
    const id = this.#channels.get(channel)?.subscribeId;
    if (id !== undefined) this.#answer.add({ kind: "error", id, error: new RpcError("CANCELLED", `a later frame overtook this subscribe to ${channel}`) });
    this.#drop(channel);
  }

  #drop(channel: string): void {
    this.#channels.get(channel)?.release();
    this.#channels.delete(channel);
  }

  /** Begins every frame, in order; resolves when all are answered. */
  async #runFrames(): Promise<void> {
    await Promise.all(
      this.#request.frames.map(async (read) => {
        const id = read.ok ? read.frame.id : read.id;
        try {
          if (!read.ok) throw read.error;
          const answer = await this.#run(read.frame);
          if (answer) this.#answer.add(answer);
        } catch (error) {
          this.#answer.add({ kind: "error", id, error: this.#explain(error) });
        }
      }),
    );
  }

  async #run({ id, frame }: ClientFrame): Promise<ServerFrame | undefined> {
    const { userId, services } = this.#context;
    switch (frame?.$case) {
      case "subscribe":
        this.#hold(frame.value.channel, positionOf(frame.value.position), id);
        return undefined;
      case "unsubscribe":
        return this.#unsubscribe(id, frame.value.channel);
      case "publish":
        if (frame.value.key === "") throw RpcError.invalid([{ field: "publish.key", description: "is needed in a poll, which may run twice" }]);
        return this.#context.publishes.run(() => services.requests.publish(id, userId, frame.value));
      case "members":
        return this.#members(id, frame.value.channel);
      case "refresh":
        return (await services.requests.refresh(id, userId, frame.value.token)).frame;
      case "connect":
        throw new RpcError("NOT_CONNECTED", "a poll is signed in by its token; it takes no connect frame");
      case "pong":
      case undefined:
        return undefined;
    }
  }

  /** Many lists can be much larger than an answer: the one that would make it so is refused. */
  async #members(id: number, channel: string): Promise<ServerFrame> {
    const answer = await this.#context.services.requests.members(id, this.#context.userId, channel);
    if (this.#answer.room <= 0) throw new RpcError("OVERLOADED", "the answer to this poll is full: ask again with the next");
    return answer;
  }

  #unsubscribe(id: number, channel: string): ServerFrame {
    if (this.#isOwn(channel)) {
      throw RpcError.invalid([{ field: "unsubscribe.channel", description: "the inbox and 'all' belong to the session" }]);
    }
    this.#overtake(channel);
    return { kind: "unsubscribed", id, channel, reason: "" };
  }

  #areOpen(): boolean {
    for (const { channel } of this.#channels.values()) if (!channel.isOpen) return false;
    return true;
  }

  /** Waits until the channels are live. One that can't be opened stays where it is; its subscribe frame is refused. */
  async #openChannels(): Promise<void> {
    const { hub } = this.#context.services;
    await Promise.all(
      [...this.#channels.values()].map(async (channel) => {
        try {
          await hub.open(channel.channel);
        } catch (error) {
          this.#onUnreadable(channel, error);
        }
      }),
    );
  }

  async #gather(): Promise<void> {
    const { services, expiresAtMs } = this.#context;
    const waitMs = Math.max(0, Math.min(this.#request.waitMs, expiresAtMs - services.clock.nowMs()));
    const answerAtMs = services.clock.monotonicMs() + waitMs;
    for (;;) {
      const rest = this.#readAll();
      if (rest) await rest;
      // Something came for one channel while another was read.
      if (this.#hasNews()) continue;
      const leftMs = answerAtMs - services.clock.monotonicMs();
      if (!this.#answer.isEmpty || this.#mustAnswer || this.#end || leftMs <= 0) return;
      await this.#waitForNews(leftMs);
    }
  }

  /** Reads what is in memory; a promise where more must be asked for. Fills the answer in the order of the channels. */
  #readAll(): Promise<void> | undefined {
    this.#unreadable.clear();
    const channels = [...this.#channels.values()];
    const at = channels.findIndex((channel) => !this.#takeFromMemory(channel));
    return at === -1 ? undefined : this.#readRest(channels.slice(at));
  }

  /** Takes what is in memory; false where more is to be read. */
  #takeFromMemory(channel: PollChannel): boolean {
    if (channel.isUnchanged) return true;
    const room = this.#answer.room;
    const chunk = room > 0 && channel.channel.isOpen ? channel.fetchNow(this.#chunkLimits(room)) : undefined;
    if (!chunk) return false;
    this.#take(channel, chunk);
    return channel.caughtUp;
  }

  async #readRest(channels: readonly PollChannel[]): Promise<void> {
    for (let at = 0; at < channels.length && !this.#isAbandoned(); at += READ_TOGETHER) {
      await this.#readTogether(channels.slice(at, at + READ_TOGETHER));
    }
  }

  /** Reads at the same time, and fills the answer in the order of the channels. */
  async #readTogether(channels: readonly PollChannel[]): Promise<void> {
    const fetched = await Promise.all(channels.map((channel) => this.#fetch(channel)));
    for (const [at, channel] of channels.entries()) {
      for (let chunk = fetched[at]; chunk; chunk = channel.caughtUp ? undefined : await this.#fetch(channel)) this.#take(channel, chunk);
    }
  }

  /** What follows on a channel; undefined where there is no room for it, or it can't be read. */
  async #fetch(channel: PollChannel): Promise<Chunk | undefined> {
    if (!channel.channel.isOpen) {
      this.#unreadable.add(channel);
      return undefined;
    }
    const room = this.#answer.room;
    if (room <= 0 && !channel.mustSpeak) return undefined;
    try {
      // Without room the verdict is wanted all the same: it is proven by what is read, also where that must wait.
      return await channel.fetch(room > 0 ? this.#chunkLimits(room) : { chunkMessages: 1, chunkBytes: 1 });
    } catch (error) {
      this.#onUnreadable(channel, error);
      return undefined;
    }
  }

  #chunkLimits(room: number): ChunkLimits {
    const { chunkMessages, chunkBytes } = this.#context.services.limits;
    return { chunkMessages, chunkBytes: Math.min(chunkBytes, room) };
  }

  #take(channel: PollChannel, chunk: Chunk): void {
    const first = channel.take(chunk, this.#answer);
    this.#mustAnswer ||= first;
  }

  /** Whether nobody wants the answer any more. As a call, because it may have become true during any await. */
  #isAbandoned(): boolean {
    return this.#end === "superseded" || this.#end === "gone";
  }

  /** Whether a channel that can be read has more, and the answer has room. */
  #hasNews(): boolean {
    if (this.#end || this.#answer.room <= 0) return false;
    return [...this.#channels.values()].some((channel) => !channel.caughtUp && !this.#unreadable.has(channel));
  }

  /** The channel stays where it is, to be read later; a subscribe frame that waits for it is refused. */
  #onUnreadable(channel: PollChannel, error: unknown): void {
    this.#unreadable.add(channel);
    if (channel.subscribeId === undefined || this.#channels.get(channel.name) !== channel) return;
    this.#answer.add({ kind: "error", id: channel.subscribeId, error: this.#explain(error) });
    this.#drop(channel.name);
  }

  /** Resolves when something came on a channel, the poll was ended, or the time is over. */
  async #waitForNews(limitMs: number): Promise<void> {
    const channels = [...this.#channels.values()];
    // Channels that can't be read at the moment are looked at again after a while; the others wake us.
    let timer: Timer | undefined;
    const news = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#context.services.clock.after(this.#unreadable.size === 0 ? limitMs : Math.min(limitMs, LOOK_AGAIN_MS), resolve);
    });
    for (const channel of channels) channel.attach(this);
    await news;
    for (const channel of channels) channel.detach(this);
    timer?.cancel();
  }

  #positionsNow(): string {
    return encodePositions(Array.from(this.#channels.values(), ({ name, position = FROM_NOW }) => [name, position] as const));
  }

  #positionsAsSent(): string {
    return encodePositions(Array.from(this.#request.positions, ([name, position = FROM_NOW]) => [name, position] as const));
  }

  #isOwn(channel: string): boolean {
    return channel === EVERYONE_CHANNEL || channel === inboxOf(this.#context.userId);
  }

  #explain(error: unknown): RpcError {
    return this.#context.services.explain(error);
  }
}

const OWN_CHANNELS = 2;
const LOOK_AGAIN_MS = 1_000;
const FROM_NOW: Position = { offset: 0, epoch: "" };
