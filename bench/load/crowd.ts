import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "../statistics.js";
import { Subscriber } from "./subscriber.js";
import type { OnMessage } from "./frameReader.js";
import { benchToken } from "./token.js";

/** Who comes. */
export interface CrowdOptions {
  readonly port: number;
  readonly connections: number;
  /** How many open at a time. */
  readonly concurrency: number;
  /** Undefined: a floor, which asks for nothing. */
  readonly signIn: { readonly secret: string; readonly channel: string } | undefined;
}

/** How fast they came in. */
export interface Arrival {
  readonly seconds: number;
  /** Of one connection: TCP, upgrade, sign-in and subscribe. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Many subscribers of one server. */
export class Crowd {
  readonly #subscribers: Subscriber[] = [];
  #failure: Error | undefined;
  /** Called for every publication at any of them. */
  onPublication: OnMessage = () => undefined;
  /** Called when one of them fails. */
  onFailure: (error: Error) => void = () => undefined;

  /** How many there are. */
  get size(): number {
    return this.#subscribers.length;
  }

  /** Opens all; throws when one can't be. */
  async open({ port, connections, concurrency, signIn }: CrowdOptions): Promise<Arrival> {
    // Made before the clock runs: these are the clients' work, and their backends'.
    const tokens = signIn ? Array.from({ length: connections }, (_, index) => benchToken(`user-${String(index)}`, signIn.secret)) : [];
    const handlers = {
      onPublication: ((bytes, from, to) => { this.onPublication(bytes, from, to); }) satisfies OnMessage,
      onFailure: (error: Error) => {
        this.#failure ??= error;
        this.onFailure(error);
      },
    };
    const tookMs: number[] = [];
    let next = 0;
    const openSome = async (): Promise<void> => {
      for (let index = next++; index < connections; index = next++) {
        const beganMs = performance.now();
        const opening = signIn ? Subscriber.open(port, { token: tokens[index]!, channel: signIn.channel }, handlers) : Subscriber.openRaw(port, handlers);
        this.#subscribers.push(await opening);
        tookMs.push(performance.now() - beganMs);
      }
    };
    const beganMs = performance.now();
    await Promise.all(Array.from({ length: concurrency }, openSome));
    const seconds = (performance.now() - beganMs) / 1_000;
    tookMs.sort((left, right) => left - right);
    return { seconds, p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99) };
  }

  /** Throws unless every subscriber is well and has received exactly so many publications since the last call of `reset`. */
  expect(publications: number): void {
    if (this.#failure) throw this.#failure;
    const wrong = this.#subscribers.filter((subscriber) => subscriber.publications !== publications);
    if (wrong.length === 0) return;
    throw new Error(`${String(wrong.length)} of ${String(this.size)} subscribers received another number of messages than ${String(publications)}, one of them ${String(wrong[0]?.publications)}`);
  }

  /** Whether every subscriber has received at least so many. */
  have(publications: number): boolean {
    return this.#subscribers.every((subscriber) => subscriber.publications >= publications);
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
}
