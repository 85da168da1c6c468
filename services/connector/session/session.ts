import type { ClientFrame, Connect, Publish, Subscribe } from "../../../gen/halley/v1/client.js";
import { EVERYONE_CHANNEL, inboxOf } from "../../../lib/channel/channelName.js";
import type { Clock } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Log } from "../../../lib/log.js";
import type { Hub } from "../hub.js";
import type { Limits } from "../limits.js";
import { CLOSE, type Close } from "../protocol/closeCodes.js";
import { positionOf, type Position } from "../protocol/position.js";
import type { ReadFrame } from "../protocol/readFrame.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import type { Outlet } from "./outlet.js";
import type { Permissions } from "./permissions.js";
import type { Grace, PresenceSink } from "./presenceSink.js";
import { PublishSlots } from "./publishSlots.js";
import type { Requests } from "./requests.js";
import type { SessionId, SessionIds } from "./sessionId.js";
import type { SessionOwner, SessionRegistry, Successor } from "./sessionRegistry.js";
import { Subscriptions } from "./subscriptions.js";
import type { SubscriberCounts } from "./subscriberCounts.js";
import type { TokenVerifier } from "./token.js";

/** What all sessions of a connector share. */
export interface SessionServices {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  readonly hub: Hub;
  readonly tokens: TokenVerifier;
  readonly sessionIds: SessionIds;
  readonly registry: SessionRegistry;
  readonly permissions: Permissions;
  readonly requests: Requests;
  readonly presence: PresenceSink;
  readonly counts: SubscriberCounts;
  /** Whether member lists are kept of a channel. */
  readonly keepsMembers: (channel: string) => boolean;
  /** Makes an id for a fault and logs its cause. */
  readonly explain: (thrown: unknown) => RpcError;
}

/** Who is signed in, and as what session. */
interface SignedIn {
  readonly id: SessionId;
  readonly userId: string;
  readonly subscriptions: Subscriptions;
  expiresAtMs: number;
}

/**
 * A session on a live connection: signs in, keeps the subscriptions, answers frames. Frames are begun in the order in which
 * they come; answers come as they are ready. Knows no transport but its outlet.
 */
export class Session implements SessionOwner {
  readonly #services: SessionServices;
  readonly #outlet: Outlet;
  readonly #publishes: PublishSlots;
  #signedIn: SignedIn | undefined;
  #answered = false;
  /** Frames that came while `connect` was being answered. */
  #beforeSignIn: ReadFrame[] | undefined;
  #ended = false;

  constructor(services: SessionServices, outlet: Outlet) {
    this.#services = services;
    this.#outlet = outlet;
    this.#publishes = new PublishSlots(services.limits.publishesInFlight);
  }

  /** Whether `connect` was answered. */
  get open(): boolean {
    return this.#answered;
  }

  /** When the token expires, milliseconds since 1970; Infinity where it doesn't. */
  get expiresAtMs(): number {
    return this.#signedIn?.expiresAtMs ?? Infinity;
  }

  /** Handles one frame. Never throws; what is wrong is answered. */
  onFrame(read: ReadFrame): void {
    if (this.#ended) return;
    if (this.#beforeSignIn) {
      this.#beforeSignIn.push(read);
      return;
    }
    if (!this.#signedIn) {
      this.#onFirstFrame(read);
      return;
    }
    if (!read.ok) this.#refuse(read.id, read.error);
    else this.#dispatch(read.frame);
  }

  /** By namespace, the positions that a ping may carry: of namespaces in which every channel is live and proven. */
  provenPositions(): Map<string, Position> {
    return (this.#outlet.empty && this.#signedIn?.subscriptions.provenPositions()) || new Map<string, Position>();
  }

  supersede(successor: Successor): void {
    this.#end(successor === "here" ? undefined : this.#services.limits.reconnectGraceMs);
    this.#outlet.close(CLOSE.replaced);
  }

  /** The connection has ended, or is about to. Idempotent. */
  end(grace: Grace): void {
    this.#end(grace);
  }

  /** `grace`: undefined when presence need not hear of it. */
  #end(grace: Grace | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const { registry, presence } = this.#services;
    if (!this.#signedIn) return;
    this.#signedIn.subscriptions.end();
    registry.release(this.#signedIn.id, this);
    if (grace !== undefined) presence.sessionClosed(this.#signedIn.id.bytes, grace);
  }

  #onFirstFrame(read: ReadFrame): void {
    const frame = read.ok ? read.frame : undefined;
    if (frame?.frame?.$case !== "connect") {
      const error = read.ok ? new RpcError("NOT_CONNECTED", "the first frame must be connect") : read.error;
      this.#refuse(read.ok ? read.frame.id : read.id, error);
      this.#close(CLOSE.protocolViolated);
      return;
    }
    this.#beforeSignIn = [];
    const { id } = frame;
    this.#connect(id, frame.frame.value)
      .catch((error: unknown) => { this.#onConnectFailed(id, this.#services.explain(error)); })
      .finally(() => {
        const waiting = this.#beforeSignIn ?? [];
        this.#beforeSignIn = undefined;
        for (const next of waiting) this.onFrame(next);
      });
  }

  async #connect(id: number, { token, session, positions }: Connect): Promise<void> {
    const { tokens, sessionIds, registry, presence, limits, clock } = this.#services;
    const identity = await tokens.verify(token);
    if (this.#hasEnded()) return;
    const { userId } = identity;
    const sessionId = sessionIds.check(session, userId) ?? sessionIds.create(userId);
    registry.claim(sessionId, userId, this);
    const subscriptions = new Subscriptions(this.#services, sessionId, this.#outlet);
    this.#signedIn = { id: sessionId, userId, subscriptions, expiresAtMs: identity.expiresAtMs ?? Infinity };
    presence.sessionOpened({ id: sessionId.bytes, user: userId, transport: this.#outlet.transport, sinceMs: clock.nowMs() });
    const own = [inboxOf(userId), EVERYONE_CHANNEL];
    const opened = await Promise.all(own.map((channel) => subscriptions.open(channel, positionOf(positions[channel]))));
    if (this.#hasEnded()) return;
    this.#answered = true;
    const bodies = new Map(opened.map(({ channel, body }) => [channel, body]));
    this.#outlet.send({ kind: "connected", id, session: sessionId.text, user: userId, pingIntervalMs: limits.pingIntervalMs, subscriptions: bodies });
    for (const { begin } of opened) begin();
  }

  /** As a call, because it may have become true during any await. */
  #hasEnded(): boolean {
    return this.#ended;
  }

  #onConnectFailed(id: number, error: RpcError): void {
    if (this.#ended) return;
    this.#refuse(id, error);
    this.#close(closeFor(error));
  }

  #dispatch({ id, frame }: ClientFrame): void {
    const signedIn = this.#signedIn;
    if (!signedIn) return;
    switch (frame?.$case) {
      case "connect":
        this.#refuse(id, new RpcError("NOT_CONNECTED", "this connection is signed in already; bring a new token with refresh"));
        return;
      case "subscribe":
        this.#onSubscribe(id, signedIn, frame.value);
        return;
      case "unsubscribe":
        this.#onUnsubscribe(id, signedIn, frame.value.channel);
        return;
      case "publish":
        this.#answer(id, this.#onPublish(id, signedIn, frame.value));
        return;
      case "members":
        this.#answer(id, this.#services.requests.members(id, signedIn.userId, frame.value.channel));
        return;
      case "refresh":
        this.#answer(id, this.#onRefresh(id, signedIn, frame.value.token));
        return;
      case "pong":
      case undefined:
    }
  }

  #onSubscribe(id: number, { userId, subscriptions }: SignedIn, { channel, position }: Subscribe): void {
    const { permissions, limits, log } = this.#services;
    try {
      permissions.toSubscribe(userId, channel);
      if (!subscriptions.has(channel) && subscriptions.size >= limits.subscriptionsPerSession + OWN_CHANNELS) {
        throw new RpcError("TOO_MANY_SUBSCRIPTIONS", `a session may have ${String(limits.subscriptionsPerSession)} subscriptions`);
      }
    } catch (error) {
      this.#refuse(id, this.#services.explain(error));
      return;
    }
    subscriptions
      .subscribe(channel, positionOf(position), (body) => { this.#outlet.send({ kind: "subscribed", id, channel, body }); })
      .catch((error: unknown) => {
        log.debug({ err: error, channel }, "a subscribe failed");
        this.#refuse(id, this.#services.explain(error));
      });
  }

  #onUnsubscribe(id: number, { userId, subscriptions }: SignedIn, channel: string): void {
    if (channel === EVERYONE_CHANNEL || channel === inboxOf(userId)) {
      this.#refuse(id, RpcError.invalid([{ field: "unsubscribe.channel", description: "the inbox and 'all' belong to the session" }]));
      return;
    }
    subscriptions.drop(channel);
    this.#outlet.send({ kind: "unsubscribed", id, channel, reason: "" });
  }

  #onPublish(id: number, { userId }: SignedIn, request: Publish): Promise<ServerFrame> {
    return this.#publishes.run(() => this.#services.requests.publish(id, userId, request));
  }

  async #onRefresh(id: number, signedIn: SignedIn, token: string): Promise<ServerFrame> {
    const { frame, expiresAtMs } = await this.#services.requests.refresh(id, signedIn.userId, token);
    signedIn.expiresAtMs = expiresAtMs ?? Infinity;
    this.#outlet.deadlineChanged();
    return frame;
  }

  #answer(id: number, answer: Promise<ServerFrame>): void {
    answer
      .then((frame) => { if (!this.#ended) this.#outlet.send(frame); })
      .catch((error: unknown) => { this.#refuse(id, this.#services.explain(error)); });
  }

  #refuse(id: number, error: RpcError): void {
    if (!this.#ended) this.#outlet.send({ kind: "error", id, error });
  }

  #close(close: Close): void {
    this.#end(close.reconnect ? this.#services.limits.reconnectGraceMs : "over");
    this.#outlet.close(close);
  }
}

/** The inbox and `all`, which every session has beside what it asked for. */
const OWN_CHANNELS = 2;

/** How a connection ends whose connect was refused. */
function closeFor({ reason, retryable }: RpcError): Close {
  if (reason === "TOKEN_EXPIRED") return CLOSE.tokenExpired;
  if (reason === "TOKEN_REFUSED") return CLOSE.badToken;
  if (reason === "TOO_MANY_SESSIONS") return CLOSE.limitAbused;
  return retryable ? CLOSE.overloaded : CLOSE.notAllowed;
}
