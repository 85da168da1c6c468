import { Backoff } from "./backoff.js";
import { Channel } from "./channel.js";
import { type Clock, type Timer } from "./clock.js";
import { HalleyError } from "./errors.js";
import { type ConnectedFrame, type Position, type Positions, positionOf, type ServerFrame } from "./frames.js";
import { namespaceOf } from "./positions.js";
import { type Outcome, type Requests } from "./requests.js";
import { type Listener, type Subscription } from "./subscription.js";
import { isServerHeld } from "./userToken.js";

interface Deps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly requests: Requests;
  /** Told what went wrong with a subscription that will be tried again. */
  readonly onError: (error: HalleyError) => void;
  /** Told what a callback of the app threw. */
  readonly report: (fault: unknown) => void;
}

/** The channels of a client: keeps them subscribed, link after link, and leads frames to them. */
export class Channels {
  readonly #deps: Deps;
  /** By channel; bounded by what the app subscribes (and the connector's limit). */
  readonly #channels = new Map<string, Channel>();
  readonly #backoff: Backoff;
  #isLinked = false;
  #isConnected = false;
  #retry: Timer | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.random);
  }

  /** Adds a subscriber, and subscribes the channel where it is the first. */
  subscribe(name: string, listener: Listener): Subscription {
    const channel = this.#channels.get(name) ?? this.#create(name);
    channel.add(listener);
    if (channel.status === "live") queueMicrotask(() => channel.welcome(listener));
    else this.#ask(channel);
    return {
      channel: name,
      get position() {
        return channel.position;
      },
      unsubscribe: () => this.#unsubscribe(channel, listener),
    };
  }

  /** Where the client stands in the channels that the connector subscribes by itself. */
  serverHeldPositions(): Positions {
    const positions: Record<string, Position> = {};
    for (const { name, position } of this.#channels.values()) {
      if (position && isServerHeld(name)) positions[name] = position;
    }
    return positions;
  }

  /** A link has begun, and its first frame is sent: asks for the channels right behind it. */
  linked(): void {
    this.#isLinked = true;
    this.#askAll();
  }

  /** The sign-in was answered: its subscriptions stand. */
  connected({ subscriptions = {} }: ConnectedFrame): void {
    this.#isConnected = true;
    for (const [name, frame] of Object.entries(subscriptions)) {
      if (this.#isOver()) return;
      (this.#channels.get(name) ?? this.#create(name)).subscribed(frame);
    }
    this.#askAll();
  }

  /** The link is over. */
  lost(): void {
    this.#isLinked = this.#isConnected = false;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#backoff.reset();
    for (const channel of this.#channels.values()) channel.status = "idle";
  }

  /** Takes a frame that answers no request. */
  take(frame: ServerFrame): void {
    const { publication, reset, unsubscribed, ping } = frame;
    if (publication) this.#channels.get(publication.channel)?.take(publication);
    else if (reset) this.#channels.get(reset.channel)?.reset(reset.position, reset.reason ?? "UNKNOWN");
    else if (ping?.positions) this.#raiseNamespaces(ping.positions);
    else if (unsubscribed && frame.id === undefined) this.#ended(unsubscribed.channel, unsubscribed.reason ?? "UNKNOWN");
  }

  /** These channels are proven up to these positions. */
  raise(positions: Positions): void {
    for (const [name, wire] of Object.entries(positions)) this.#channels.get(name)?.raise(positionOf(wire));
  }

  /** As callbacks of the app, which may close the client, change it meanwhile. */
  #isOver(): boolean {
    return !this.#isConnected;
  }

  #raiseNamespaces(positions: Positions): void {
    for (const channel of this.#channels.values()) {
      const proven = positions[namespaceOf(channel.name)];
      if (proven) channel.raise(positionOf(proven));
    }
  }

  #create(name: string): Channel {
    const channel = new Channel(name, this.#deps.report);
    this.#channels.set(name, channel);
    return channel;
  }

  #askAll(): void {
    for (const channel of this.#channels.values()) this.#ask(channel);
  }

  #ask(channel: Channel): void {
    // What the connector subscribes by itself is asked for only when `connected` did not bring it: to be refused.
    const isReady = isServerHeld(channel.name) ? this.#isConnected : this.#isLinked;
    if (!isReady || channel.status !== "idle" || channel.isUnheard) return;
    channel.status = "asked";
    const { name, position } = channel;
    const subscribe = { channel: name, ...(position && { position }) };
    channel.takeBack = this.#deps.requests.ask({ subscribe }, (outcome) => this.#answered(channel, outcome));
  }

  #answered(channel: Channel, outcome: Outcome): void {
    // Unsubscribed meanwhile: another Channel may have the name now.
    if (this.#channels.get(channel.name) !== channel) return;
    if ("answer" in outcome) {
      this.#backoff.reset();
      channel.subscribed(outcome.answer.subscribed ?? {});
      return;
    }
    channel.status = "idle";
    const { error } = outcome;
    if (error.reason === "CONNECTION_LOST") return;
    if (!error.retryable) {
      this.#channels.delete(channel.name);
      channel.end(error);
      return;
    }
    this.#deps.onError(error);
    this.#retry ??= this.#deps.clock.after(this.#backoff.next(), () => {
      this.#retry = undefined;
      this.#askAll();
    });
  }

  #ended(name: string, reason: string): void {
    const channel = this.#channels.get(name);
    // Before the answer to a subscribe it means a subscription that was given up since.
    if (channel?.status !== "live") return;
    this.#channels.delete(channel.name);
    channel.end(new HalleyError("PERMISSION_DENIED", reason, `the connector ended the subscription of ${name}: ${reason}`));
  }

  #unsubscribe(channel: Channel, listener: Listener): void {
    if (!channel.has(listener)) return;
    channel.remove(listener);
    // The connector goes on with what it subscribed by itself, so its position is kept up.
    if (!channel.isUnheard || (isServerHeld(channel.name) && channel.status === "live")) return;
    this.#channels.delete(channel.name);
    const { status } = channel;
    // What else is in the frame that is being handed over is nobody's, and was not handled.
    channel.status = "idle";
    if (status === "idle" || channel.takeBack()) return;
    this.#deps.requests.tell({ unsubscribe: { channel: channel.name } });
  }
}
