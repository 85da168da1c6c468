import { type Clock, sleep } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Log } from "../../../lib/log.js";
import type { Semaphore } from "../../../lib/semaphore.js";
import { answerPosition } from "../channel/answerPosition.js";
import type { Batch } from "../channel/batch.js";
import type { Channel, Chunk, Hole, ResetReason, Subscriber } from "../channel/channel.js";
import type { ChannelHold, Hub } from "../hub.js";
import type { Limits } from "../limits.js";
import type { Position } from "../protocol/position.js";
import type { SubscribedBody } from "../protocol/serverFrame.js";
import type { Outlet } from "./outlet.js";

/** What the subscriptions of a connector share. */
export interface SubscriptionServices {
  readonly hub: Hub;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the subscriptions of one session share. */
export interface SubscriptionOwner {
  readonly services: SubscriptionServices;
  readonly outlet: Outlet;
  /** Who reads history for the client waits for its turn, and then for room. */
  readonly turns: Semaphore;
}

const RETRY_MS = 500;

/**
 * One channel of one connected session. Either `live` (publications are pushed as they come) or reading from its position:
 * at the start, and whenever the client is too slow to be pushed to. Reading ends, and pushing begins, in one tick, so that
 * nothing falls between.
 */
export class Subscription implements Subscriber {
  readonly #owner: SubscriptionOwner;
  readonly #hold: ChannelHold;
  #ended = false;
  #live = false;
  /** Among the channel's subscribers; while live. */
  #seat = 0;
  /** While reading: everything up to here was queued. While live: nothing up to here is queued again. */
  #offset = 0;
  #epoch = "";

  constructor(channel: string, owner: SubscriptionOwner) {
    this.#owner = owner;
    this.#hold = owner.services.hub.hold(channel);
  }

  /** The namespace-wide position up to which this subscription is proven; undefined while it is not live. */
  provenWatermark(): Position | undefined {
    // The channel hands over first what waits, and that may be too much for the client.
    const watermark = this.#channel.provenWatermark();
    return this.#live ? watermark : undefined;
  }

  /**
   * Opens the channel and reads what follows `position` (undefined: from now on). Nothing is queued before `begin`; the
   * caller queues the answer first. Rejects with a retryable error when the history can't be read.
   */
  async open(position: Position | undefined): Promise<SubscribedBody> {
    await this.#owner.services.hub.open(this.#channel);
    return this.#read(position);
  }

  /**
   * The same in the session's turn: `queue` gets the answer when the client has room for it, and what follows comes behind.
   * Rejects with CANCELLED when the subscription has ended before.
   */
  async answer(position: Position | undefined, queue: (body: SubscribedBody) => void): Promise<void> {
    const { services, turns } = this.#owner;
    await services.hub.open(this.#channel);
    await turns.run(async () => {
      await this.#room();
      this.#assertWanted();
      const body = await this.#read(position);
      await this.#room();
      this.#assertWanted();
      queue(body);
      this.begin();
    });
  }

  /** Goes on where `open` ended: what came since, then live. */
  begin(): void {
    this.#catchUp();
  }

  /** Nothing more is queued after this returns. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#live = false;
    this.#channel.detach(this.#seat, this);
    this.#hold.release();
  }

  onPublications(batch: Batch): void {
    const next = batch.above(this.#offset);
    if (!next || this.#owner.outlet.publish(next)) return;
    // Too slow: stop pushing, and go on from the history when the client has caught up with what is queued.
    this.#readFrom({ offset: Math.max(next.before, this.#offset), epoch: this.#channel.position.epoch });
  }

  onReset(reason: ResetReason, hole?: Hole): void {
    const { offset, epoch } = this.#position;
    if (hole && epoch === this.#channel.position.epoch) {
      if (offset >= hole.upTo) return;
      // It comes from a connector that knew more than this one: whether it has lost anything is another question.
      if (offset > hole.above) {
        this.#readFrom(this.#position);
        return;
      }
    }
    const { position } = this.#channel;
    this.#moveTo(position);
    this.#owner.outlet.send({ kind: "reset", channel: this.#channel.name, position, reason });
  }

  onFault(): void {
    this.#owner.outlet.onFault();
  }

  get #position(): Position {
    return { offset: this.#offset, epoch: this.#epoch };
  }

  #moveTo({ offset, epoch }: Position): void {
    this.#offset = offset;
    this.#epoch = epoch;
  }

  get #channel(): Channel {
    return this.#hold.channel;
  }

  async #read(position: Position | undefined): Promise<SubscribedBody> {
    const chunk = await answerPosition(this.#channel, position, this.#owner.services.limits);
    this.#moveTo(chunk.position);
    return { position: chunk.position, recovered: chunk.continuous, publications: chunk.publications };
  }

  /** Resolves when history may be added to what waits for the client, or is wanted no more. */
  async #room(): Promise<void> {
    const { outlet } = this.#owner;
    while (outlet.congested && !this.#ended) await outlet.drained();
  }

  #assertWanted(): void {
    if (this.#ended) throw new RpcError("CANCELLED", `a later frame ended the subscription to ${this.#channel.name}`);
  }

  /** Leaves the live publications, until it has read what is above a position. */
  #readFrom(position: Position): void {
    this.#live = false;
    this.#channel.detach(this.#seat, this);
    this.#moveTo(position);
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.#attachIfCaughtUp()) return;
    this.#pump().catch((error: unknown) => {
      if (!this.#ended) this.#owner.services.log.error({ err: error, channel: this.#channel.name }, "a subscription can't catch up");
    });
  }

  /** Queues history until nothing newer was delivered to the others, then joins them. */
  async #pump(): Promise<void> {
    const { services, turns } = this.#owner;
    while (!this.#ended && !this.#attachIfCaughtUp()) {
      try {
        await turns.run(() => this.#readOn());
      } catch (error) {
        services.log.debug({ err: error, channel: this.#channel.name }, "a subscription could not read on; it tries again");
        await sleep(services.clock, RETRY_MS);
      }
    }
  }

  async #readOn(): Promise<void> {
    const { limits } = this.#owner.services;
    await this.#room();
    if (this.#ended) return;
    const chunk = this.#channel.recent(this.#position, limits) ?? (await this.#channel.recover(this.#position, limits));
    await this.#room();
    if (!this.#isEnded()) await this.#queue(chunk);
  }

  /** As a call, because it may have become true during any await. */
  #isEnded(): boolean {
    return this.#ended;
  }

  /** Waits for room again where an encoding is much larger than what was read. */
  async #queue({ publications, position, continuous }: Chunk): Promise<void> {
    const { outlet } = this.#owner;
    if (!continuous) outlet.send({ kind: "reset", channel: this.#channel.name, position, reason: "HISTORY_LOST" });
    for (const publication of publications) {
      if (outlet.congested) await this.#room();
      if (this.#isEnded()) return;
      outlet.send({ kind: "publication", publication });
      this.#moveTo({ offset: publication.offset, epoch: position.epoch });
    }
    this.#moveTo(position);
  }

  #attachIfCaughtUp(): boolean {
    const { offset, epoch } = this.#channel.position;
    if (this.#ended || epoch !== this.#epoch || this.#offset < offset) return false;
    this.#seat = this.#channel.attach(this);
    this.#live = true;
    return true;
  }
}
