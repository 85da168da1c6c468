import { type Clock, sleep } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import { answerPosition } from "../channel/answerPosition.js";
import type { Channel, Chunk, ResetReason, Subscriber } from "../channel/channel.js";
import type { Publication } from "../channel/publication.js";
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

const RETRY_MS = 500;

/**
 * One channel of one connected session. Either `live` (publications are pushed as they come) or reading from its position:
 * at the start, and whenever the client is too slow to be pushed to. Reading ends, and pushing begins, in one tick, so that
 * nothing falls between.
 */
export class Subscription implements Subscriber {
  readonly #services: SubscriptionServices;
  readonly #outlet: Outlet;
  readonly #hold: ChannelHold;
  #ended = false;
  #live = false;
  /** While reading: everything up to here was queued. While live: nothing up to here is queued again. */
  #position: Position = { offset: 0, epoch: "" };

  constructor(channel: string, services: SubscriptionServices, outlet: Outlet) {
    this.#services = services;
    this.#outlet = outlet;
    this.#hold = services.hub.hold(channel);
  }

  /** The namespace-wide position up to which this subscription is proven; undefined while it is not live. */
  get watermark(): Position | undefined {
    return this.#live ? this.#channel.watermark : undefined;
  }

  /**
   * Opens the channel and reads what follows `position` (undefined: from now on). Nothing is queued before `begin`; the
   * caller queues the answer first. Rejects with a retryable error when the history can't be read.
   */
  async open(position: Position | undefined): Promise<SubscribedBody> {
    await this.#services.hub.open(this.#channel);
    const chunk = await answerPosition(this.#channel, position, this.#services.limits);
    this.#position = chunk.position;
    return { position: chunk.position, recovered: chunk.continuous, publications: chunk.publications };
  }

  /** Goes on where `open` ended: what came since, then live. */
  begin(): void {
    this.#catchUp();
  }

  /** Nothing more is queued after this returns. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#live = false;
    this.#channel.detach(this);
    this.#hold.release();
  }

  onPublication(publication: Publication, before: number): void {
    if (publication.offset <= this.#position.offset) return;
    if (this.#outlet.publish(publication)) return;
    // Too slow: stop pushing, and go on from the history when the client has caught up with what is queued.
    this.#live = false;
    this.#channel.detach(this);
    this.#position = { offset: Math.max(before, this.#position.offset), epoch: this.#channel.position.epoch };
    this.#catchUp();
  }

  onReset(reason: ResetReason): void {
    this.#position = this.#channel.position;
    this.#outlet.send({ kind: "reset", channel: this.#channel.name, position: this.#position, reason });
  }

  get #channel(): Channel {
    return this.#hold.channel;
  }

  #catchUp(): void {
    if (this.#attachIfCaughtUp()) return;
    this.#pump().catch((error: unknown) => {
      if (!this.#ended) this.#services.log.error({ err: error, channel: this.#channel.name }, "a subscription can't catch up");
    });
  }

  /** Queues history until nothing newer was delivered to the others, then joins them. */
  async #pump(): Promise<void> {
    const { clock, limits } = this.#services;
    const outlet = this.#outlet;
    while (!this.#ended && !this.#attachIfCaughtUp()) {
      if (outlet.congested) {
        await outlet.drained();
        continue;
      }
      const recent = this.#channel.recent(this.#position, limits);
      if (recent) this.#queue(recent);
      else await this.#recover().catch(() => sleep(clock, RETRY_MS));
    }
  }

  async #recover(): Promise<void> {
    const chunk = await this.#channel.recover(this.#position, this.#services.limits);
    if (!this.#ended) this.#queue(chunk);
  }

  #queue({ publications, position, continuous }: Chunk): void {
    const outlet = this.#outlet;
    if (!continuous) outlet.send({ kind: "reset", channel: this.#channel.name, position, reason: "HISTORY_LOST" });
    for (const publication of publications) {
      outlet.send({ kind: "publication", publication });
    }
    this.#position = position;
  }

  #attachIfCaughtUp(): boolean {
    const { offset, epoch } = this.#channel.position;
    if (this.#ended || epoch !== this.#position.epoch || this.#position.offset < offset) return false;
    this.#channel.attach(this);
    this.#live = true;
    return true;
  }
}
