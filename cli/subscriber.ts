import { setTimeout as pause } from "node:timers/promises";
import { ChannelPlace } from "./channelPlace.js";
import { type Ending, FrameSocket } from "./socket.js";
import type { WireFrame, WirePosition, WirePublication, WireSubscribed } from "./wireFrame.js";

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
/** Where the connector doesn't say how often it pings. */
const USUAL_PING_MS = 25_000;

/** Subscribes to channels, and comes back after a cut with the positions that it has reached. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #places: ReadonlyMap<string, ChannelPlace>;
  readonly #asked = new Map<number, string>();
  readonly #abort = new AbortController();
  #socket: FrameSocket | undefined;
  #failure: Error | undefined;
  #afterMs: number | undefined;
  #nextId = 1;
  #failedInARow = 0;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#places = new Map(options.channels.map((channel) => [channel, new ChannelPlace(channel, options.since)]));
  }

  /** Runs until `stop`. Throws a sentence when the server refuses, or can't be reached for a minute. */
  async run(): Promise<void> {
    while (!this.#isStopped()) {
      try {
        await this.#connectOnce();
      } catch (error) {
        if (this.#isStopped()) return;
        this.#failedInARow += 1;
        if (this.#nextId === 1 || this.#failedInARow > MAX_RETRIES_IN_A_ROW) throw error;
      }
      if (this.#failure) throw this.#failure;
      if (!this.#isStopped()) await this.#pause();
    }
  }

  /** Ends the connection, or the wait for the next one, and `run`: within a second. */
  stop(): void {
    this.#abort.abort();
    this.#socket?.close();
  }

  #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #pause(): Promise<void> {
    const { signal } = this.#abort;
    await pause(this.#afterMs ?? RETRY_MS * (0.5 + Math.random() / 2), undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  async #connectOnce(): Promise<void> {
    const { url } = this.#options;
    const token = await this.#options.token();
    if (this.#isStopped()) return;
    const socket = new FrameSocket(url, {
      onFrame: (frame) => { this.#receive(frame); },
      onNonsense: () => { this.#fail(`${url} sent something that is no frame of Halley: name a connector's --url`); },
    });
    this.#socket = socket;
    for (const place of this.#places.values()) place.cut();
    await socket.opened;
    this.#afterMs = undefined;
    this.#failedInARow = 0;
    this.#asked.clear();
    this.#ask({ connect: { token } }, "connect");
    for (const { channel, position } of this.#places.values()) this.#ask({ subscribe: { channel, ...(position && { position }) } }, channel);
    this.#judge(await socket.ended);
  }

  #ask(frame: object, what: string): void {
    this.#asked.set(this.#nextId, what);
    this.#socket?.send({ id: this.#nextId, ...frame });
    this.#nextId += 1;
  }

  #judge({ code, reason }: Ending): void {
    if (this.#isStopped() || this.#failure) return;
    const why = `the connector closed the connection: ${String(code)} ${reason}`.trimEnd();
    if (code >= 3500 || code === 1007 || code === 1009) this.#failure = new Error(why);
    else this.#options.onRemark(`${why}; coming back`);
  }

  #receive({ id, connected, subscribed, unsubscribed, publication, reset, error, ping, disconnect }: WireFrame): void {
    if (publication) this.#deliver(publication);
    else if (connected) this.#socket?.limitSilence((connected.pingIntervalMs ?? USUAL_PING_MS) * 1.5);
    else if (subscribed) this.#begin(subscribed);
    else if (reset) {
      this.#places.get(reset.channel)?.reset(reset.position);
      this.#options.onRemark(`${reset.channel}: history was lost (${reset.reason}), reload the state; going on at ${words(reset.position)}`);
    } else if (unsubscribed) this.#fail(`${unsubscribed.channel}: the subscription was ended: ${unsubscribed.reason ?? "no reason given"}`);
    else if (error) this.#fail(`${this.#asked.get(id ?? 0) ?? "the connection"}: ${error.code} ${error.reason}: ${error.message}`);
    else if (disconnect) this.#afterMs = disconnect.afterMs;
    else if (ping) {
      // A ping's position holds for every channel of a namespace.
      for (const place of this.#places.values()) place.raise(ping.positions[place.channel.split(".", 1)[0] ?? ""]);
      this.#socket?.send({ pong: {} });
    }
  }

  #begin(subscribed: WireSubscribed): void {
    const { channel, position, recovered } = subscribed;
    const place = this.#places.get(channel);
    if (!place) return;
    const verdict = !place.position ? "" : recovered ? ", nothing was missed" : ", SOMETHING MAY BE MISSING";
    this.#options.onRemark(`${channel}: subscribed at ${words(position)}${verdict}`);
    for (const publication of place.begin(subscribed)) this.#options.onPublication(publication);
  }

  /** Own inbox and everyone are subscribed by the server: shown only when asked for. */
  #deliver(publication: WirePublication): void {
    if (this.#places.get(publication.channel)?.take(publication) === true) this.#options.onPublication(publication);
  }

  #fail(sentence: string): void {
    this.#failure ??= new Error(sentence);
    this.#socket?.close();
  }
}

function words({ offset, epoch }: WirePosition): string {
  return `${String(offset)}:${epoch}`;
}
