import { Backoff } from "./backoff.js";
import { type Clock, type Timer } from "./clock.js";
import { type ConnectionState, type StateChange } from "./connectionState.js";
import { HalleyError } from "./errors.js";
import { type ConnectedFrame, type Positions, type ServerFrame } from "./frames.js";
import { endOfSignIn, errorOfEnd, verdictOf } from "./linkEnd.js";
import { Liveness } from "./liveness.js";
import { Prober } from "./prober.js";
import { type Outcome, type Requests } from "./requests.js";
import { type TokenSource, userOf } from "./token.js";
import { TokenRefresh } from "./tokenRefresh.js";
import { type Link, type LinkEnd, type LinkEvents, type Transport, type TransportName } from "./transport.js";
import { type TransportChooser } from "./transportChooser.js";

/** A link that is not signed in by then is given up: a proxy swallowed it. */
const SIGN_IN_LIMIT_MS = 10_000;
/** A connection that held so long was a good one: the next trouble starts at the smallest delay again. */
const STABLE_MS = 10_000;
/** A poll that was given up when it had just been sent can reach a busy connector so late, and take the session back. */
const LATE_POLL_MS = 30_000;
/** Wakes come to many clients at once, too. */
const WAKE_SPREAD_MS = 500;
/** No connector sends clients away for longer; past what a browser's timers can hold, they would come back at once. */
const LONGEST_AWAY_MS = 3_600_000;

/** What the connection needs of the rest of the client. */
export interface ConnectionDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly tokens: TokenSource;
  readonly chooser: TransportChooser;
  readonly requests: Requests;
  readonly hooks: ConnectionHooks;
}

/** What the connection tells the rest of the client. */
export interface ConnectionHooks {
  /** A link begins as this user (as the token claims); answers the positions that the sign-in carries. */
  signingIn(user: string | undefined): Positions;
  /** The sign-in is sent; frames sent now travel with it. */
  linked(): void;
  connected(frame: ConnectedFrame): void;
  /** The link is over; its requests are abandoned right after. */
  lost(): void;
  /** A frame that answers no request. */
  frame(frame: ServerFrame): void;
  positions(positions: Positions): void;
  state(change: StateChange): void;
  /** A fault that is dealt with by itself. */
  error(error: HalleyError): void;
  /** Nothing more is tried until connect(). */
  ended(error: HalleyError): void;
}

/** The connection's state machine (see ConnectionState): one link at a time, each with its own generation of events. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #backoff: Backoff;
  readonly #liveness: Liveness;
  readonly #refresh: TokenRefresh;
  readonly #prober: Prober;
  #state: ConnectionState = "closed";
  #transport: Transport | undefined;
  #link: Link | undefined;
  #session: string | undefined;
  #user: string | undefined;
  #hasCarried = false;
  /** The connection before this attempt went silent. */
  #wentSilent = false;
  #connectedAtMs = 0;
  /** When a poll was given up last (monotonic). */
  #polledAtMs = -Infinity;
  /** Raised when an attempt is over, so that what it still has under way is not listened to. */
  #generation = 0;
  /** The connector asked not to be visited earlier (monotonic). */
  #notBeforeMs = 0;
  /** When the next attempt comes (monotonic). */
  #retryAtMs = 0;
  #timers: Timer[] = [];

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.random);
    this.#liveness = new Liveness(deps.clock, (reason) => this.#ended({ code: 0, reason, isSilent: true }));
    this.#refresh = new TokenRefresh({ ...deps, onError: (error) => deps.hooks.error(error) });
    this.#prober = new Prober({ ...deps, adopt: (transport, link) => this.#adopt(transport, link) });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** How frames travel; undefined unless connected. */
  get transport(): TransportName | undefined {
    return this.#state === "connected" ? this.#transport?.name : undefined;
  }

  /** Who is signed in; undefined before the first sign-in. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Begins, where it is closed; hastens the next attempt, where it is disconnected. */
  connect(): void {
    if (this.#state === "closed") void this.#attempt();
    else if (this.#state === "disconnected") this.wake();
  }

  /** Ends it, without an error. */
  close(): void {
    if (this.#state !== "closed") {
      this.#drop(true);
      this.#backoff.reset();
      this.#enter("closed");
    }
    this.#deps.hooks.ended(HalleyError.closed());
  }

  /** Sends on the present link; without one the frame is dropped (its request is abandoned with the link). */
  send(frame: Parameters<Link["send"]>[0]): void {
    this.#link?.send(frame);
  }

  /** The page or the network came back: what waits is tried now; what is under way, or seems connected, must show a sign of life. */
  wake(): void {
    if (this.#state === "disconnected") {
      const nowMs = this.#deps.clock.monotonicMs();
      const waitMs = Math.max(0, this.#notBeforeMs - nowMs) + Math.floor(this.#deps.random() * WAKE_SPREAD_MS);
      // Wakes can come in quick succession: each would put the attempt off again.
      if (nowMs + waitMs < this.#retryAtMs) this.#retryIn(waitMs);
    } else if (this.#state === "connected") {
      this.#deps.requests.ask({ refresh: { token: this.#deps.tokens.present } }, () => undefined);
      this.#liveness.expectAnswer();
    } else if (this.#link) {
      // An attempt that began without a network may wait for what was lost.
      this.#liveness.expectAnswer();
    }
  }

  /** An answer is late: where nothing else came either, the link is dead, and what waits is sent again on the next one. */
  doubt(): void {
    this.#liveness.doubt();
  }

  async #attempt(): Promise<void> {
    this.#drop();
    const generation = this.#generation;
    this.#enter("connecting");
    let token: string;
    try {
      token = await this.#deps.tokens.get();
    } catch (fault) {
      if (generation !== this.#generation) return;
      this.#retryAfter(fault instanceof HalleyError ? fault : HalleyError.connectionLost());
      return;
    }
    if (generation !== this.#generation) return;
    this.#transport = this.#deps.chooser.pick();
    try {
      this.#link = this.#transport.open(this.#eventsOf(generation));
    } catch (fault) {
      this.#ended({ code: 0, reason: fault instanceof Error ? fault.message : "the link could not be opened" });
      return;
    }
    this.#signIn(token);
  }

  /** Goes over to a better transport's link. What the old one had under way is taken up from the positions. */
  #adopt(transport: Transport, link: Link): LinkEvents {
    this.#drop();
    this.#transport = transport;
    this.#link = link;
    const generation = this.#generation;
    this.#enter("connecting");
    // A listener may have closed the client.
    if (generation === this.#generation) this.#signIn(this.#deps.tokens.present);
    return this.#eventsOf(generation);
  }

  #signIn(token: string): void {
    this.#timers.push(this.#deps.clock.after(SIGN_IN_LIMIT_MS, () => this.#ended({ code: 0, reason: "no answer to the sign-in" })));
    // A poll may be put on a kept TCP connection that died with the one before; giving it up soon is how a browser lets go of it.
    if (this.#wentSilent && this.#transport?.name === "poll") this.#liveness.expectAnswer();
    this.#wentSilent = false;
    const positions = this.#deps.hooks.signingIn(userOf(token));
    const session = this.#session === undefined ? {} : { session: this.#session };
    this.#deps.requests.ask({ connect: { token, ...session, positions } }, (outcome) => this.#signedIn(outcome));
    this.#deps.hooks.linked();
  }

  #signedIn(outcome: Outcome): void {
    if ("error" in outcome) {
      if (outcome.error.reason !== "CONNECTION_LOST") this.#ended(endOfSignIn(outcome.error));
      return;
    }
    const frame = outcome.answer.connected;
    if (typeof frame?.session !== "string") {
      this.#ended({ code: 0, reason: "the sign-in was answered by something else" });
      return;
    }
    this.#cancelTimers();
    this.#session = frame.session;
    this.#user = frame.user;
    this.#connectedAtMs = this.#deps.clock.monotonicMs();
    this.#liveness.watch(frame.pingIntervalMs);
    this.#refresh.start();
    this.#prober.start();
    const generation = this.#generation;
    this.#enter("connected");
    // A listener may have closed the client.
    if (generation === this.#generation) this.#deps.hooks.connected(frame);
  }

  #eventsOf(generation: number): LinkEvents {
    const present = (): boolean => generation === this.#generation;
    return {
      onOpen: () => undefined,
      onAlive: (askedAtMs) => {
        if (present()) this.#heard(askedAtMs);
      },
      onFrame: (frame) => {
        if (present()) this.#guard(() => this.#take(frame));
      },
      onPositions: (positions) => {
        if (present()) this.#guard(() => this.#deps.hooks.positions(positions));
      },
      onEnd: (end) => {
        if (present()) this.#ended(end);
      },
    };
  }

  /** What the connector sent may be no frame at all: nothing more is believed on that link. */
  #guard(take: () => void): void {
    const generation = this.#generation;
    try {
      take();
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : String(fault);
      if (generation === this.#generation) this.#ended({ code: 0, reason: `the connector sent something that can't be read: ${why}` });
    }
  }

  #heard(askedAtMs?: number): void {
    this.#liveness.heard(askedAtMs);
    if (this.#hasCarried || !this.#transport) return;
    this.#hasCarried = true;
    this.#deps.chooser.worked(this.#transport);
  }

  #take(frame: ServerFrame): void {
    if (frame.disconnect) {
      const { code, reason = "", reconnect, afterMs } = frame.disconnect;
      this.#ended({ code, reason, ...(reconnect !== undefined && { reconnect }), ...(afterMs !== undefined && { afterMs }) });
      return;
    }
    if (this.#deps.requests.answer(frame)) return;
    this.#deps.hooks.frame(frame);
    if (frame.ping) this.send({ pong: {} });
  }

  #ended(end: LinkEnd): void {
    // Once: where sign-ins are answered late because the connector is busy, the next one has its full time.
    this.#wentSilent = this.#state === "connected" && end.isSilent === true;
    if (!this.#hasCarried && this.#transport) this.#deps.chooser.failed(this.#transport);
    const mayPoll = this.#deps.clock.monotonicMs() - this.#polledAtMs < LATE_POLL_MS;
    const verdict = verdictOf(end, this.#deps.tokens.renewable, mayPoll);
    if (verdict === "again-with-new-token") this.#deps.tokens.forget();
    const error = errorOfEnd(end, verdict);
    if (verdict !== "never") {
      this.#retryAfter(error, end.afterMs);
      return;
    }
    this.#drop();
    this.#enter("closed", { error });
    this.#deps.hooks.ended(error);
  }

  #retryAfter(error: HalleyError, askedMs = 0): void {
    const { clock } = this.#deps;
    const afterMs = askedMs > 0 ? Math.min(askedMs, LONGEST_AWAY_MS) : 0;
    if (this.#state === "connected" && clock.monotonicMs() - this.#connectedAtMs >= STABLE_MS) this.#backoff.reset();
    this.#drop();
    this.#notBeforeMs = clock.monotonicMs() + afterMs;
    const retryInMs = this.#backoff.next(afterMs);
    this.#retryIn(retryInMs);
    this.#enter("disconnected", { error, retryInMs });
  }

  #retryIn(delayMs: number): void {
    this.#cancelTimers();
    this.#retryAtMs = this.#deps.clock.monotonicMs() + delayMs;
    this.#timers.push(this.#deps.clock.after(delayMs, () => void this.#attempt()));
  }

  /** Ends the attempt, or the connection, and everything that belongs to it. `goodbye`: by the app, not to come back by itself. */
  #drop(goodbye = false): void {
    this.#generation += 1;
    this.#cancelTimers();
    this.#liveness.stop();
    this.#refresh.stop();
    this.#prober.stop();
    if (this.#link && this.#transport?.name === "poll") this.#polledAtMs = this.#deps.clock.monotonicMs();
    this.#link?.close(goodbye);
    this.#link = undefined;
    this.#hasCarried = false;
    this.#deps.hooks.lost();
    this.#deps.requests.abandon();
  }

  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }

  #enter(state: ConnectionState, details: Pick<StateChange, "error" | "retryInMs"> = {}): void {
    const previous = this.#state;
    this.#state = state;
    this.#deps.hooks.state({ state, previous, transport: this.transport, ...details });
  }
}
