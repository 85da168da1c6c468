import { type Listener, type Subscription } from "./subscription.js";
import { inboxOf } from "./userToken.js";

/** Subscribers of the user's own inbox, who wait until it is known whose it is. */
export class Inbox {
  readonly #subscribe: (channel: string, listener: Listener) => Subscription;
  #channel: string | undefined;
  /** Bounded by what the app subscribes. */
  readonly #waiting = new Set<() => void>();

  constructor(subscribe: (channel: string, listener: Listener) => Subscription) {
    this.#subscribe = subscribe;
  }

  /** The user is known: subscribes those who waited. Only the first one counts. */
  known(user: string | undefined): void {
    if (user === undefined) return;
    this.#channel ??= inboxOf(user);
    for (const start of this.#waiting) start();
    this.#waiting.clear();
  }

  /** Subscribes, now or as soon as the user is known; until then the subscription's channel is "user.". */
  add(listener: Listener): Subscription {
    let inner: Subscription | undefined;
    const start = (): void => {
      inner = this.#subscribe(this.#channel ?? "", listener);
    };
    if (this.#channel === undefined) this.#waiting.add(start);
    else start();
    return {
      get channel() {
        return inner?.channel ?? "user.";
      },
      get position() {
        return inner ? inner.position : listener.position;
      },
      unsubscribe: () => {
        this.#waiting.delete(start);
        inner?.unsubscribe();
      },
    };
  }
}
