import type { UserPresence } from "../../gen/halley/v1/presence.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { RosterEvent } from "./roster/netEvents.js";

/** Events that wait for one watcher; with more it is too slow. */
export const MAX_WAITING_EVENTS = 10_000;
/** Watch streams on one replica. */
const MAX_WATCHERS = 10_000;

/** An event for watchers. */
export interface WatchEvent {
  /** Whether the user came (online, into the channel) or went. */
  readonly came: boolean;
  /** The user as of then. */
  readonly user: UserPresence;
  /** When it happened, milliseconds since 1970. */
  readonly atMs: number;
}

/** What a watcher wants to see: everyone's coming and going, some users', or that of a channel. */
export type Topic = { readonly everyone: true } | { readonly users: readonly string[] } | { readonly channel: string };

/** One watcher: events wait here until they are taken. */
export class Watcher {
  readonly #maxWaiting: number;
  #waiting: WatchEvent[] = [];
  #tooSlow = false;
  #wake: () => void = () => undefined;
  /** Whether a user has been listed; undefined: all have. What happens to the others is seen when the list gets there. */
  #isListed: ((user: string) => boolean) | undefined;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** From now on only events of users who `isListed` says were listed are kept; undefined: all. */
  listing(isListed: ((user: string) => boolean) | undefined): void {
    this.#isListed = isListed;
  }

  /** Takes an event in. */
  offer(event: WatchEvent): void {
    if (this.#tooSlow || this.#isListed?.(event.user.userId) === false) return;
    if (this.#waiting.length >= this.#maxWaiting) {
      this.#tooSlow = true;
      this.#waiting = [];
    } else {
      this.#waiting.push(event);
    }
    this.#wake();
  }

  /**
   * The next events, in order; waits for one. Throws WATCHER_TOO_SLOW when more than the limit have waited, and the signal's
   * reason when that is aborted.
   */
  async next(signal: AbortSignal): Promise<readonly WatchEvent[]> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#tooSlow) throw new RpcError("WATCHER_TOO_SLOW", `more than ${String(this.#maxWaiting)} events waited to be read; list and watch again`);
      if (this.#waiting.length > 0) {
        const taken = this.#waiting;
        this.#waiting = [];
        return taken;
      }
      await this.#woken(signal);
    }
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#wake = () => undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}

const EVERYONE = "*";

/** The watchers of a replica, by what they watch, so that an event costs only those who want it. */
export class Watchers {
  readonly #byTopic = new Map<string, Set<Watcher>>();
  readonly #maxWaiting: number;
  #size = 0;

  constructor(maxWaiting = MAX_WAITING_EVENTS) {
    this.#maxWaiting = maxWaiting;
  }

  /** How many watchers there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a watcher; the caller removes it. Throws OVERLOADED at the limit. */
  add(topic: Topic): { readonly watcher: Watcher; readonly remove: () => void } {
    if (this.#size >= MAX_WATCHERS) throw new RpcError("OVERLOADED", `${String(MAX_WATCHERS)} watch streams are open here`, { retryAfterMs: 1_000 });
    const watcher = new Watcher(this.#maxWaiting);
    const keys = new Set(keysOf(topic));
    for (const key of keys) {
      const set = this.#byTopic.get(key) ?? new Set();
      this.#byTopic.set(key, set.add(watcher));
    }
    this.#size += 1;
    return { watcher, remove: () => { this.#remove(watcher, keys); } };
  }

  /** Hands the events of a step to those who watch for them; `describe` gives a user as of now. */
  offer(events: readonly RosterEvent[], atMs: number, describe: (user: string) => UserPresence): void {
    if (this.#size === 0) return;
    for (const event of events) {
      const keys = event.kind === "joined" || event.kind === "left" ? [channelKey(event.channel)] : [EVERYONE, userKey(event.user)];
      const watching = keys.flatMap((key) => [...(this.#byTopic.get(key) ?? [])]);
      if (watching.length === 0) continue;
      const told = { came: event.kind === "online" || event.kind === "joined", user: describe(event.user), atMs };
      for (const watcher of watching) watcher.offer(told);
    }
  }

  #remove(watcher: Watcher, keys: Iterable<string>): void {
    for (const key of keys) {
      const set = this.#byTopic.get(key);
      set?.delete(watcher);
      if (set?.size === 0) this.#byTopic.delete(key);
    }
    this.#size -= 1;
  }
}

function keysOf(topic: Topic): string[] {
  if ("channel" in topic) return [channelKey(topic.channel)];
  return "users" in topic ? topic.users.map(userKey) : [EVERYONE];
}

function channelKey(channel: string): string {
  return `c:${channel}`;
}

function userKey(user: string): string {
  return `u:${user}`;
}
