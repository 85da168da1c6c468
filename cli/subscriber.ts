import { setTimeout as pause } from "node:timers/promises";
import { type Ending, FrameSocket, type WireFrame, type WirePosition, type WirePublication } from "./socket.js";

/** What to subscribe to, as whom. */
export interface SubscriberOptions {
  readonly url: string;
  readonly channels: readonly string[];
  /** Where to begin, in every channel; undefined: from now on. */
  readonly since: WirePosition | undefined;
  /** Makes a token for each connection. */
  readonly token: () => Promise<string>;
  readonly onPublication: (publication: WirePublication) => void;
  /** Told what is no publication, in a sentence. */
  readonly onRemark: (sentence: string) => void;
}

/** A pause before a connection that is tried again, in milliseconds; a random part of it, so that clients don't come at once. */
const RETRY_MS = 2_000;
const MAX_RETRIES_IN_A_ROW = 30;

/** Subscribes to channels, and comes back after a cut with the positions that it has reached. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #positions = new Map<string, WirePosition>();
  readonly #asked = new Map<number, string>();
  #socket: FrameSocket | undefined;
  #stopped = false;
  #failure: Error | undefined;
  #afterMs: number | undefined;
  #nextId = 1;
  #failedInARow = 0;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    if (options.since) for (const channel of options.channels) this.#positions.set(channel, options.since);
  }

  /** Runs until `stop`. Throws a sentence when the server refuses, or can't be reached for a minute. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#connectOnce();
      } catch (error) {
        this.#failedInARow += 1;
        if (this.#nextId === 1 || this.#failedInARow > MAX_RETRIES_IN_A_ROW) throw error;
      }
      if (this.#failure) throw this.#failure;
      if (!this.#isStopped()) await pause(this.#afterMs ?? RETRY_MS * (0.5 + Math.random() / 2));
    }
  }

  /** Ends the connection and `run`. */
  stop(): void {
    this.#stopped = true;
    this.#socket?.close();
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  async #connectOnce(): Promise<void> {
    const token = await this.#options.token();
    this.#socket = await FrameSocket.open(this.#options.url, (frame) => { this.#receive(frame); });
    this.#afterMs = undefined;
    this.#failedInARow = 0;
    this.#ask({ connect: { token } }, "connect");
    for (const channel of this.#options.channels) {
      const position = this.#positions.get(channel);
      this.#ask({ subscribe: { channel, ...(position && { position }) } }, channel);
    }
    this.#judge(await this.#socket.ended);
  }

  #ask(frame: object, what: string): void {
    this.#asked.set(this.#nextId, what);
    this.#socket?.send({ id: this.#nextId, ...frame });
    this.#nextId += 1;
  }

  #judge({ code, reason }: Ending): void {
    if (this.#stopped || this.#failure) return;
    const why = `the connector closed the connection: ${String(code)} ${reason}`.trimEnd();
    if (code >= 3500 || code === 1007 || code === 1009) this.#failure = new Error(why);
    else this.#options.onRemark(`${why}; coming back`);
  }

  #receive(frame: WireFrame): void {
    const { subscribed, unsubscribed, publication, reset, error, ping, disconnect } = frame;
    if (publication) this.#deliver(publication);
    else if (subscribed) this.#begin(subscribed);
    else if (reset) {
      this.#positions.set(reset.channel, reset.position);
      this.#options.onRemark(`${reset.channel}: history was lost (${reset.reason}), reload the state; going on at ${words(reset.position)}`);
    } else if (unsubscribed) this.#fail(`${unsubscribed.channel}: the subscription was ended: ${unsubscribed.reason ?? "no reason given"}`);
    else if (error) this.#fail(`${this.#asked.get(frame.id ?? 0) ?? "the connection"}: ${error.code} ${error.reason}: ${error.message}`);
    else if (disconnect) this.#afterMs = disconnect.afterMs;
    else if (ping) {
      this.#raise(ping.positions ?? {});
      this.#socket?.send({ pong: {} });
    }
  }

  #begin({ channel, position, recovered, publications = [] }: NonNullable<WireFrame["subscribed"]>): void {
    const verdict = !this.#positions.has(channel) ? "" : recovered ? ", nothing was missed" : ", SOMETHING MAY BE MISSING";
    this.#options.onRemark(`${channel}: subscribed at ${words(position)}${verdict}`);
    for (const publication of publications) this.#options.onPublication({ ...publication, channel });
    this.#positions.set(channel, position);
  }

  #deliver(publication: WirePublication): void {
    const { channel, offset } = publication;
    const position = this.#positions.get(channel);
    if (position) this.#positions.set(channel, { ...position, offset });
    // Own inbox and everyone are subscribed by the server: shown only when asked for.
    if (this.#options.channels.includes(channel)) this.#options.onPublication(publication);
  }

  /** A ping's position holds for every channel of a namespace: same epoch only, never back. */
  #raise(proven: Readonly<Record<string, WirePosition>>): void {
    for (const [channel, position] of this.#positions) {
      const upTo = proven[channel.split(".", 1)[0] ?? ""];
      if (upTo?.epoch === position.epoch && upTo.offset > position.offset) this.#positions.set(channel, upTo);
    }
  }

  #fail(sentence: string): void {
    this.#failure = new Error(sentence);
    this.#socket?.close();
  }
}

function words({ offset, epoch }: WirePosition): string {
  return `${String(offset)}:${epoch}`;
}
