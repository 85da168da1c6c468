import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "../statistics.js";
import type { DialectName } from "./dialects/all.js";
import type { SignIn } from "./dialects/dialect.js";
import { recoveredIn } from "./dialects/halley.js";
import type { OnMessage } from "./frameReader.js";
import { Subscriber, type SubscriberHandlers } from "./subscriber.js";
import { benchToken } from "./token.js";

/** Who comes. */
export interface CrowdOptions {
  readonly port: number;
  readonly dialect: DialectName;
  readonly connections: number;
  /** How many open at a time. */
  readonly concurrency: number;
  /** What they subscribe to, one each, in turn. */
  readonly channels: readonly string[];
  /** What their tokens are signed with; needed by Halley's connectors alone. */
  readonly secret?: string;
}

/** How fast they came in. */
export interface Arrival {
  readonly seconds: number;
  /** Of one connection: TCP, upgrade, sign-in and subscribe. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Past this, what a subscriber has missed is lost. */
const CATCH_UP_LIMIT_MS = 10_000;

/** Many subscribers of one server. */
export class Crowd {
  readonly #options: CrowdOptions;
  readonly #signIns: readonly SignIn[];
  #subscribers: Subscriber[] = [];
  #failure: Error | undefined;
  /** Called for every publication at any of them. */
  onPublication: OnMessage = () => undefined;
  /** Called when one of them fails. */
  onFailure: (error: Error) => void = () => undefined;

  /** Nobody comes before `open`. */
  constructor(options: CrowdOptions) {
    this.#options = options;
    const { connections, channels, secret } = options;
    // Made before the clock runs: these are the clients' work, and their backends'.
    this.#signIns = Array.from({ length: connections }, (_, index) => ({
      token: secret === undefined ? "" : benchToken(`user-${String(index)}`, secret),
      channel: channels[index % channels.length] ?? "",
    }));
  }

  /** How many there are. */
  get size(): number {
    return this.#subscribers.length;
  }

  /** How many channels they are on. */
  get channels(): number {
    return this.#options.channels.length;
  }

  /** How many of them each channel has; throws when that is not the same for all. */
  get sizePerChannel(): number {
    const size = this.size / this.channels;
    if (!Number.isInteger(size)) throw new Error("not all channels have as many subscribers");
    return size;
  }

  /** Opens all; throws when one can't be. */
  open(): Promise<Arrival> {
    return this.#openAll(this.#signIns, this.#options.concurrency);
  }

  /**
   * Breaks all connections in one go, without a word of WebSocket, and opens them again, as clients do that know where they were;
   * `meanwhile` is called in between. The clock runs from the break.
   */
  comeBack(concurrency: number, meanwhile: () => void): Promise<Arrival> {
    const signIns = this.#subscribers.map(({ answers }, index) => ({ ...this.#signInOf(index), earlier: answers }));
    const beganMs = performance.now();
    for (const subscriber of this.#subscribers.splice(0)) subscriber.close();
    meanwhile();
    return this.#openAll(signIns, concurrency, beganMs);
  }

  /** Throws unless every subscriber is well and has received exactly its share of `messages`, which went to the channels in turn, since the last `reset`. */
  expect(messages: number): void {
    if (this.#failure) throw this.#failure;
    const wrong = this.#subscribers.findIndex(({ publications }, index) => publications !== this.#share(index, messages));
    if (wrong === -1) return;
    throw new Error(`a subscriber has received ${String(this.#subscribers[wrong]?.publications)} messages in place of ${String(this.#share(wrong, messages))}`);
  }

  /** Resolves when every subscriber that came back has got exactly so many publications, with its answers or since. Throws when one lost any. */
  async untilCaughtUp(publications: number): Promise<void> {
    const deadlineMs = performance.now() + CATCH_UP_LIMIT_MS;
    const recovered = this.#subscribers.map(({ answers }) => recoveredIn(answers));
    const got = (index: number): number => (recovered[index] ?? 0) + (this.#subscribers[index]?.publications ?? 0);
    while (recovered.some((_, index) => got(index) < publications) && performance.now() < deadlineMs) await pause(50);
    if (this.#failure) throw this.#failure;
    const wrong = recovered.findIndex((_, index) => got(index) !== publications);
    if (wrong !== -1) throw new Error(`a subscriber that came back got ${String(got(wrong))} messages in place of ${String(publications)}`);
  }

  /** Whether every subscriber has received at least its share of `messages`. */
  have(messages: number): boolean {
    return this.#subscribers.every(({ publications }, index) => publications >= this.#share(index, messages));
  }

  /** Tells nobody any more. */
  silence(): void {
    this.onPublication = () => undefined;
    this.onFailure = () => undefined;
  }

  /** Counts from nothing again. */
  reset(): void {
    for (const subscriber of this.#subscribers) subscriber.publications = 0;
  }

  /** Closes all, a few at a time so that the server isn't drowned. */
  async close(): Promise<void> {
    for (const [index, subscriber] of this.#subscribers.splice(0).entries()) {
      subscriber.close();
      if (index % 500 === 499) await pause(5);
    }
  }

  async #openAll(signIns: readonly SignIn[], concurrency: number, sinceMs = performance.now()): Promise<Arrival> {
    const handlers: SubscriberHandlers = {
      onPublication: (bytes, from, to) => { this.onPublication(bytes, from, to); },
      onFailure: (error) => {
        this.#failure ??= error;
        this.onFailure(error);
      },
    };
    const subscribers: Subscriber[] = [];
    const tookMs: number[] = [];
    let next = 0;
    const openSome = async (): Promise<void> => {
      for (let index = next++; index < signIns.length; index = next++) {
        const beganMs = performance.now();
        const signIn = signIns[index] ?? this.#signInOf(index);
        subscribers[index] = await Subscriber.open(this.#options, signIn, handlers);
        tookMs.push(performance.now() - beganMs);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, openSome));
    const seconds = (performance.now() - sinceMs) / 1_000;
    this.#subscribers = subscribers;
    tookMs.sort((left, right) => left - right);
    return { seconds, p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99) };
  }

  #signInOf(index: number): SignIn {
    const signIn = this.#signIns[index];
    if (!signIn) throw new Error(`there is no subscriber ${String(index)}`);
    return signIn;
  }

  #share(index: number, messages: number): number {
    const { channels } = this;
    return Math.ceil(Math.max(0, messages - (index % channels)) / channels);
  }
}
