import { type HalleyError } from "./errors.js";
import { type Position, type Publication } from "./frames.js";

/** That a subscription stands; told again after each reconnection. */
export interface SubscribedEvent {
  readonly channel: string;
  /**
   * True only where it is proven that nothing is missing between the last position and what follows. False: the app must
   * reload its state. Always true for the first time without a position.
   */
  readonly recovered: boolean;
  /** Where the channel stands. Publications that were missed are handed to the callback right after this event. */
  readonly position: Position;
}

/** That the history was lost under a live subscription: reload the state. The subscription goes on. */
export interface ResetEvent {
  readonly channel: string;
  /** From here on it is continuous again. */
  readonly position: Position;
  /** Why: a word of the connector's catalogue ("HISTORY_LOST"). */
  readonly reason: string;
}

/** What a subscriber may want to know beside the messages. */
export interface SubscribeOptions {
  /**
   * Where the app stands, as an earlier `subscription.position` (of another page load, too): what came since is handed
   * over first. Left out: from now on. Where the channel is subscribed already by another part of the page, nothing is
   * replayed, and `recovered` says whether anything would have been.
   */
  readonly position?: Position;
  onSubscribed?(event: SubscribedEvent): void;
  onReset?(event: ResetEvent): void;
  /** The subscription was refused, or ended by the connector; it is over. What passes by itself is not told here. */
  onError?(error: HalleyError): void;
}

/** One callback on one channel. */
export interface Subscription {
  readonly channel: string;
  /**
   * The last position whose publications have all been handled; it moves after the callback has returned. Keep it, with
   * the app's state, to go on from there. Undefined until subscribed.
   */
  readonly position: Position | undefined;
  /** The callback is not called again. The last one of a channel ends the subscription at the connector. Idempotent. */
  unsubscribe(): void;
}

/** One subscriber of a channel, as the channel sees it. */
export interface Listener extends SubscribeOptions {
  onPublication(publication: Publication): void;
}
