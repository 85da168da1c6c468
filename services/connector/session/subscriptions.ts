import { namespaceOf } from "../../../lib/channel/channelName.js";
import { Semaphore } from "../../../lib/semaphore.js";
import { SmallMap } from "../../../lib/smallMap.js";
import type { Position } from "../protocol/position.js";
import type { SubscribedBody } from "../protocol/serverFrame.js";
import type { Outlet } from "./outlet.js";
import type { SessionServices } from "./session.js";
import type { SessionId } from "./sessionId.js";
import { Subscription, type SubscriptionOwner } from "./subscription.js";

/** Pieces of history that are read for one client at a time; each holds up to `chunkBytes` until the client has room. */
const TURNS = 4;

/** The subscriptions of one connected session, and what presence is told of them. */
export class Subscriptions implements SubscriptionOwner {
  readonly services: SessionServices;
  readonly outlet: Outlet;
  readonly #id: SessionId;
  /** Made when first needed: most sessions only listen to what the server subscribes. */
  #turns: Semaphore | undefined;
  readonly #byChannel = new SmallMap<string, Subscription>();

  constructor(services: SessionServices, id: SessionId, outlet: Outlet) {
    this.services = services;
    this.outlet = outlet;
    this.#id = id;
  }

  get turns(): Semaphore {
    this.#turns ??= new Semaphore(TURNS);
    return this.#turns;
  }

  get size(): number {
    return this.#byChannel.size;
  }

  has(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  /** Opens a channel and reads its answer; nothing is queued before the returned `begin`. Rejects when it can't be read. */
  open(channel: string, position: Position | undefined): Promise<{ readonly channel: string; readonly body: SubscribedBody; readonly begin: () => void }> {
    const subscription = this.#add(channel);
    return this.#orDrop(channel, subscription, async () => {
      const body = await subscription.open(position);
      return { channel, body, begin: () => { subscription.begin(); } };
    });
  }

  /**
   * Subscribes, in place of an earlier subscription of the channel; `queue` gets the answer when the client has room for it.
   * Rejects, with nothing left behind, when the channel can't be read, with CANCELLED when it was overtaken.
   */
  subscribe(channel: string, position: Position | undefined, queue: (body: SubscribedBody) => void): Promise<void> {
    const { presence, keepsMembers } = this.services;
    const subscription = this.#add(channel);
    return this.#orDrop(channel, subscription, () =>
      subscription.answer(position, (body) => {
        if (keepsMembers(channel)) presence.joined(this.#id.bytes, channel);
        queue(body);
      }),
    );
  }

  /** Ends a subscription, if there is one. */
  drop(channel: string): void {
    if (!this.#remove(channel)) return;
    const { presence, keepsMembers } = this.services;
    if (keepsMembers(channel)) presence.left(this.#id.bytes, channel);
  }

  /** Ends all. Presence need not be told: the session ends. */
  end(): void {
    for (const [channel] of [...this.#byChannel]) this.#remove(channel);
  }

  /** By namespace, the positions up to which every channel there is proven; without those in which one is behind. */
  provenPositions(): Map<string, Position> {
    const positions = new Map<string, Position>();
    const behind = new Set<string>();
    for (const [channel, subscription] of this.#byChannel) {
      const namespace = namespaceOf(channel);
      const watermark = subscription.provenWatermark();
      if (watermark) positions.set(namespace, watermark);
      else behind.add(namespace);
    }
    for (const namespace of behind) positions.delete(namespace);
    return positions;
  }

  #add(channel: string): Subscription {
    this.#remove(channel);
    const subscription = new Subscription(channel, this);
    this.#byChannel.set(channel, subscription);
    this.services.counts.add(channel);
    return subscription;
  }

  #remove(channel: string): boolean {
    const subscription = this.#byChannel.get(channel);
    if (!subscription) return false;
    subscription.end();
    this.#byChannel.delete(channel);
    this.services.counts.remove(channel);
    return true;
  }

  async #orDrop<T>(channel: string, subscription: Subscription, open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      if (this.#byChannel.get(channel) === subscription) this.drop(channel);
      throw error;
    }
  }
}
