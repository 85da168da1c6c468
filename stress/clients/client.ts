import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { signToken } from "../../test/helpers/installation.js";
import type { Random } from "../random.js";
import { PollLink } from "./pollLink.js";
import type { ServerFrame } from "./protocol.js";
import type { Ledger } from "../world/ledger.js";
import { ClientState } from "./state.js";
import { WebSocketLink } from "./webSocketLink.js";

/** A goodbye that is not answered by then is given up. */
const GOODBYE_MS = 1_000;

export type Transport = "websocket" | "poll";

/** How a client lives. */
export interface ClientOptions {
  readonly user: string;
  readonly channels: readonly string[];
  readonly transport?: Transport;
  /** Ports of connectors (or of what stands before them): each connection and each poll goes to any of them. */
  readonly ports: () => readonly number[];
  readonly random: Random;
  /** The share of poll answers that are lost. */
  readonly lostAnswers?: number;
  /** The longest pause before a reconnect. */
  readonly backoffMs?: number;
  /** Where what was published is written down. */
  readonly ledger: Ledger;
  /** Makes the token of each connection; valid for an hour where left out. */
  readonly token?: () => Promise<string>;
  /** The session that it begins with, as a second tab of another client. */
  readonly session?: string;
  /** A connector that is silent for so long is taken for dead. */
  readonly quietMs?: number;
  /** Told of every publication as it comes. */
  readonly onPublication?: (channel: string, number: number) => void;
}

/** Reserved, so that nobody listens there. */
const NOBODYS_PORT = 1;

/** A client that comes back, whatever happens to it, with its session and positions: what an SDK does, and no more. */
export class StressClient {
  readonly state: ClientState;
  readonly #options: ClientOptions;
  readonly #run: Promise<void>;
  readonly #stopped = new AbortController();
  #transport: Transport;
  #link: WebSocketLink | PollLink | undefined;
  #seq = 0;
  #afterMs = 0;
  #away = false;
  #renewed = new AbortController();
  readonly #awayFrom = new Set<string>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#transport = options.transport ?? "websocket";
    this.state = new ClientState(`${options.user}/${this.#transport}`, options);
    this.state.session = options.session;
    this.#run = this.#live();
  }

  /** Resolves when all its channels are subscribed. */
  async joined(): Promise<this> {
    const deadline = Date.now() + 30_000;
    while (!this.state.hasAll) {
      if (Date.now() > deadline) throw new Error(`${this.state.name} could not subscribe: ${this.state.errors.slice(-3).join(", ")}`);
      await pause(10);
    }
    return this;
  }

  /** Cuts its connection; it comes back by itself. */
  cut(): void {
    this.#link?.cut();
  }

  /** Goes over to another transport. */
  switchTo(transport: Transport): void {
    this.#transport = transport;
    this.cut();
  }

  /** Opens another connection of its session, without ending the present one. */
  renew(): void {
    this.#link?.abandon();
    this.#renewed.abort();
  }

  /** Stays away until `comeBack`. */
  leave(): void {
    this.#away = true;
    this.cut();
  }

  /** Stays away, and says so where its transport can. */
  sayGoodbye(): void {
    this.#away = true;
    if (this.#link instanceof WebSocketLink) this.#link.close();
    else this.cut();
  }

  comeBack(): void {
    this.#away = false;
  }

  /** Reads nothing more from its WebSocket, or reads on. */
  read(on: boolean): void {
    if (this.#link instanceof WebSocketLink) this.#link.read(on);
  }

  /** Leaves a channel for a while, on its WebSocket, and subscribes it again from where it was. Nothing where it is away from it already. */
  async resubscribe(channel: string, afterMs: number): Promise<void> {
    const link = this.#link;
    if (!(link instanceof WebSocketLink) || this.#awayFrom.has(channel)) return;
    this.#awayFrom.add(channel);
    await link.ask({ unsubscribe: { channel } });
    await pause(afterMs);
    link.subscribe(channel);
    this.#awayFrom.delete(channel);
  }

  /** Publishes with a key, as often as it takes. Gives the position, or the refusal. */
  async publish(channel: string, n: number, key: string): Promise<ServerFrame> {
    for (;;) {
      const answer = (await this.#link?.ask({ publish: { channel, data: { n }, key } })) ?? {};
      if (answer.published || answer.error?.retryable === false || this.#stopped.signal.aborted) return answer;
      await pause(50);
    }
  }

  /** Sends one frame; gives its answer. */
  async ask(frame: object): Promise<ServerFrame> {
    return (await this.#link?.ask(frame)) ?? {};
  }

  /** Goes for ever; with a goodbye, where its transport knows one, or without a word. */
  async stop(withGoodbye = false): Promise<void> {
    this.#stopped.abort();
    const link = this.#link;
    if (withGoodbye && link instanceof WebSocketLink) {
      link.close();
      await Promise.race([link.ended, pause(GOODBYE_MS)]);
    }
    this.cut();
    await this.#run;
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopped;
    const { user, token: makeToken = () => signToken(user) } = this.#options;
    while (!signal.aborted) {
      if (!this.#away) {
        const token = await makeToken();
        this.state.dialedAtMs = performance.now();
        this.#renewed = new AbortController();
        this.#link = this.#transport === "websocket" ? this.#openWebSocket(token) : this.#openPoll(token);
        // While the token was made.
        if (this.#stopped.signal.aborted || this.#isAway()) this.#link.cut();
        await Promise.race([this.#link.ended, ended(this.#renewed.signal)]);
        this.#link = undefined;
        this.state.went();
      }
      const { random, backoffMs = 200 } = this.#options;
      await pause(this.#afterMs + random.between(5, backoffMs), undefined, { signal }).catch(() => undefined);
      this.#afterMs = 0;
    }
  }

  /** Of a connector that runs; where none does, one that refuses. */
  #anyPort(): number {
    const ports = this.#options.ports();
    return ports.length === 0 ? NOBODYS_PORT : this.#options.random.pick(ports);
  }

  /** As a call, because it may have become true during any await. */
  #isAway(): boolean {
    return this.#away;
  }

  #openWebSocket(token: string): WebSocketLink {
    const { user, quietMs } = this.#options;
    return new WebSocketLink({ state: this.state, token, port: this.#anyPort(), inbox: `user.${user}`, ...(quietMs === undefined ? {} : { quietMs }), onAfter: (afterMs) => { this.#afterMs = Math.min(afterMs, 2_000); } });
  }

  #openPoll(token: string): PollLink {
    const { random, lostAnswers = 0, quietMs } = this.#options;
    return new PollLink({ state: this.state, token, ...(quietMs === undefined ? {} : { quietMs }), port: () => this.#anyPort(), nextSeq: () => ++this.#seq, loses: () => random.next() < lostAnswers });
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => { signal.addEventListener("abort", () => { resolve(); }, { once: true }); });
}
