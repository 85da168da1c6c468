import { browserClock, type Clock } from "./clock.js";
import { Channels } from "./channels.js";
import { Connection, type ConnectionHooks } from "./connection.js";
import { type ConnectionState, type StateChange } from "./connectionState.js";
import { Emitter } from "./emitter.js";
import { HalleyError } from "./errors.js";
import { type Members, type Publication, type PublishAnswer } from "./frames.js";
import { Inbox } from "./inbox.js";
import { Outbox } from "./outbox.js";
import { pollTransport } from "./poll.js";
import { Requests } from "./requests.js";
import { type Listener, type SubscribeOptions, type Subscription } from "./subscription.js";
import { type TokenProvider, TokenSource } from "./token.js";
import { type Transport, type TransportName } from "./transport.js";
import { type Memory, TransportChooser } from "./transportChooser.js";
import { base64url } from "./userToken.js";
import { watchWakes } from "./wakes.js";
import { webSocketTransport } from "./websocket.js";

/** How many `members()` may be under way. */
const MAX_MEMBERS_REQUESTS = 100;

/** How a client is set up. */
export interface HalleyOptions {
  /** A JWT, or a function that fetches one from your backend; a string can't be renewed when it expires. */
  readonly token: TokenProvider;
  /** Where the connector is: "https://push.example.com". Default: where the page comes from. */
  readonly url?: string;
  /** What to connect by, best first. Default: WebSocket, and long-poll where that can't be had. */
  readonly transports?: readonly TransportName[];
  /** How many publishes are kept until they are acknowledged. Default 1,000 (and 4 MiB together). */
  readonly maxPending?: number;
  /** How long a publish is tried, in milliseconds, before its promise rejects. Default 30,000. */
  readonly publishTimeoutMs?: number;
}

/** The events of a client. */
export interface HalleyEvents {
  /** The connection's state changed. */
  readonly state: StateChange;
  /** Something went wrong; `retryable` ones are dealt with already. Without a listener they go to the console. */
  readonly error: HalleyError;
}

/** What tests replace. */
export interface HalleyParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly transports: readonly [Transport, ...Transport[]];
  readonly memory: Memory | undefined;
  /** Told what a callback of the app threw. */
  readonly report: (fault: unknown) => void;
  readonly watchWakes: (onWake: () => void) => () => void;
}

/**
 * A connection to Halley: one callback per channel, and nothing lost in between.
 *
 * ```js
 * const halley = new Halley({ token: () => fetch("/my/token").then((answer) => answer.text()) });
 * halley.subscribe("chat.lobby", ({ data }) => console.log(data.text));
 * halley.connect();
 * ```
 *
 * It reconnects by itself, goes on from the positions that it has handled, and says for each channel whether that worked
 * (`onSubscribed({ recovered })`). Publications of a channel come in order, each once. Callbacks are called one after
 * another; one that throws is reported like an uncaught error and stops nothing.
 */
export class Halley {
  readonly #parts: HalleyParts;
  readonly #emitter: Emitter<HalleyEvents>;
  readonly #requests: Requests;
  readonly #channels: Channels;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #connection: Connection;
  #membersAsked = 0;
  #stopWatching: (() => void) | undefined;
  /** Why nothing can be published until connect(): close(), or a refusal. */
  #ended: HalleyError | undefined;

  /** `parts` is for tests. Throws a TypeError where there is no token or no known transport. */
  constructor(options: HalleyOptions, parts: Partial<HalleyParts> = {}) {
    this.#parts = completeParts(options, parts);
    const { clock, random, transports, memory, report } = this.#parts;
    const tokens = new TokenSource(options.token, clock);
    const chooser = new TransportChooser(transports, { clock, memory, key: `halley.transport ${baseOf(options.url)}` });
    const onError = (error: HalleyError): void => this.#tellError(error);
    this.#emitter = new Emitter(report);
    this.#requests = new Requests(clock, (frame) => this.#connection.send(frame), () => this.#connection.doubt());
    this.#channels = new Channels({ clock, random, requests: this.#requests, onError, report });
    this.#inbox = new Inbox((channel, listener) => this.#channels.subscribe(channel, listener));
    const { maxPending = 1_000, publishTimeoutMs = 30_000 } = options;
    this.#outbox = new Outbox({ clock, random, requests: this.#requests, maxPending, timeoutMs: publishTimeoutMs });
    this.#connection = new Connection({ clock, random, tokens, chooser, requests: this.#requests, hooks: this.#hooks() });
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** How frames travel now; undefined unless connected. */
  get transport(): TransportName | undefined {
    return this.#connection.transport;
  }

  /** The id of the user who is signed in; undefined before the first sign-in. */
  get user(): string | undefined {
    return this.#connection.user;
  }

  /** Connects, and stays connected until close(). Idempotent. What happens is told by the "state" event. */
  connect(): void {
    this.#stopWatching ??= this.#parts.watchWakes(() => this.#connection.wake());
    this.#ended = undefined;
    this.#connection.connect();
  }

  /** Ends the connection; publishes without an answer are rejected (CLOSED), also before the first connect(). connect() goes on where this left off. */
  close(): void {
    this.#connection.close();
  }

  /**
   * Calls `callback` with each publication of a channel, in order. May be called before connect(); the subscription holds
   * through reconnections until unsubscribe(), or until `onError` says that it was refused.
   */
  subscribe<T = unknown>(channel: string, callback: (publication: Publication<T>) => void, options: SubscribeOptions = {}): Subscription {
    return this.#channels.subscribe(channel, listenerOf(callback, options));
  }

  /** Messages to this user, on all their devices: the channel `user.<id>` of the user who signs in first. */
  inbox<T = unknown>(callback: (publication: Publication<T>) => void, options: SubscribeOptions = {}): Subscription {
    return this.#inbox.add(listenerOf(callback, options));
  }

  /** Messages to everyone: the channel `all`. */
  everyone<T = unknown>(callback: (publication: Publication<T>) => void, options: SubscribeOptions = {}): Subscription {
    return this.subscribe("all", callback, options);
  }

  /**
   * Publishes JSON to a channel, where the namespace allows it. Resolves when Halley has stored it. While the connection is
   * away it is kept and sent again under its key, so that it is stored once (in channels with history). Rejects with a
   * HalleyError when it is refused, when `publishTimeoutMs` is over, when the outbox is full, or after close(). Before the
   * first connect() it is kept, too.
   */
  publish(channel: string, data: unknown, options: { readonly type?: string; readonly key?: string } = {}): Promise<PublishAnswer> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { type, key = newKey() } = options;
    return this.#outbox.add({ channel, ...(type === undefined ? {} : { type }), data, key });
  }

  /** Who is in a channel now; the namespace must have presence on. Rejects at once while not connected. */
  members(channel: string): Promise<Members> {
    if (this.state !== "connected") return Promise.reject(HalleyError.connectionLost());
    if (this.#membersAsked >= MAX_MEMBERS_REQUESTS) {
      return Promise.reject(HalleyError.local("RESOURCE_EXHAUSTED", "OUTBOX_FULL", "too many members() are under way", { retryable: true }));
    }
    this.#membersAsked += 1;
    return new Promise((resolve, reject) => {
      this.#requests.ask({ members: { channel } }, (outcome) => {
        this.#membersAsked -= 1;
        if ("error" in outcome) reject(outcome.error);
        else resolve({ users: outcome.answer.members?.users ?? [], sessions: outcome.answer.members?.sessions ?? 0 });
      });
    });
  }

  /** Listens to an event; the answer ends that. */
  on<Name extends keyof HalleyEvents>(event: Name, listener: (event: HalleyEvents[Name]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  #hooks(): ConnectionHooks {
    return {
      signingIn: (user) => {
        this.#inbox.known(user);
        return this.#channels.serverHeldPositions();
      },
      linked: () => this.#channels.linked(),
      connected: (frame) => {
        this.#inbox.known(frame.user);
        this.#channels.connected(frame);
        // A callback of the app may have closed the client.
        if (this.state === "connected") this.#outbox.connected();
      },
      lost: () => {
        this.#channels.lost();
        this.#outbox.lost();
      },
      frame: (frame) => this.#channels.take(frame),
      positions: (positions) => this.#channels.raise(positions),
      state: (change) => void this.#emitter.emit("state", change),
      error: (error) => this.#tellError(error),
      ended: (error) => this.#end(error),
    };
  }

  #end(error: HalleyError): void {
    // A listener of "closed" may have called connect() already.
    if (this.state === "closed") {
      this.#stopWatching?.();
      this.#stopWatching = undefined;
      this.#ended = error;
      this.#outbox.clear(error);
    }
    if (error.reason !== "CLOSED") this.#tellError(error);
  }

  #tellError(error: HalleyError): void {
    if (this.#emitter.emit("error", error) === 0) console.warn(`halley: ${error.message}`);
  }
}

function completeParts(options: HalleyOptions, parts: Partial<HalleyParts>): HalleyParts {
  // Plain JavaScript has no types to tell.
  const token: unknown = options.token;
  if (typeof token !== "function" && (typeof token !== "string" || token === "")) {
    throw new TypeError("token must be a JWT, or a function that fetches one");
  }
  const clock = parts.clock ?? browserClock;
  const base = baseOf(options.url);
  const named = (options.transports ?? ["websocket", "poll"]).map((name) => transportOf(name, base, clock));
  const [first, ...rest] = named;
  if (!first) throw new TypeError("transports must name at least one transport");
  return {
    random: Math.random,
    transports: [first, ...rest],
    memory: tabMemory(),
    report: reportFault,
    watchWakes,
    ...parts,
    clock,
  };
}

function transportOf(name: TransportName, base: string, clock: Clock): Transport {
  switch (name) {
    case "websocket":
      return webSocketTransport(base);
    case "poll":
      return pollTransport(base, clock);
    default:
      throw new TypeError(`unknown transport ${String(name)}: "websocket" and "poll" are known`);
  }
}

function baseOf(url: string | undefined): string {
  const base = url ?? (typeof location === "undefined" ? "" : location.origin);
  return base.replace(/^ws/, "http").replace(/\/+$/, "");
}

function listenerOf<T>(callback: (publication: Publication<T>) => void, options: SubscribeOptions): Listener {
  return {
    // What is in `data` is between the app and those who publish; the type is the app's word.
    onPublication: (publication) => callback(publication as Publication<T>),
    ...(options.position && { position: options.position }),
    onSubscribed: (event) => options.onSubscribed?.(event),
    onReset: (event) => options.onReset?.(event),
    onError: (error) => options.onError?.(error),
  };
}

function tabMemory(): Memory | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    // Forbidden in some frames: then every page load finds out anew.
    return undefined;
  }
}

/** crypto.randomUUID exists on https pages only. */
function newKey(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)));
}

function reportFault(fault: unknown): void {
  if (typeof reportError === "function") reportError(fault);
  else console.error(fault);
}
