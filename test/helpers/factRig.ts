import { connect, createInbox, Events, headers as newHeaders, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import { namespaceStream, type StreamConfig } from "../../lib/bus/streamSpec.js";
import type { ApiStreamInfo } from "../../lib/bus/streamInfo.js";
import type { History } from "../../lib/config/namespaces.js";
import type { NatsProgram } from "./natsPrograms.js";
import { type NatsServer, startNatsServer } from "./natsServer.js";

/** What JetStream's API or a stream answered. */
export interface Answer {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly stream?: string;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

/** Headers to be published: one value each, or several in order. */
export type Forged = Readonly<Record<string, string | readonly string[]>>;

const HISTORY: History = { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 };
const ANSWER_MS = 2_000;
let count = 0;

/** A nats-server and a plain connection to it: facts are told by the server itself, not by lib/bus. */
export class FactRig {
  readonly nats: NatsServer;
  readonly connection: NatsConnection;

  private constructor(nats: NatsServer, connection: NatsConnection) {
    this.nats = nats;
    this.connection = connection;
  }

  /** Starts a server. The caller stops the rig. */
  static async start({ program }: Pick<NatsProgram, "program">): Promise<FactRig> {
    const nats = await startNatsServer("", program);
    return new FactRig(nats, await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 }));
  }

  /** A stream as Halley makes it for a namespace of its own, but for `changes`. */
  stream(history: Partial<History> = {}, changes: Partial<StreamConfig> = {}): Promise<FactStream> {
    return FactStream.create(this.connection, { ...namespaceStream(`f${String(++count)}`, { ...HISTORY, ...history }, 1), ...changes });
  }

  /** Ends the server (SIGKILL for `hard`) and starts it again; resolves when the connection stands. */
  async restart(hard = false): Promise<void> {
    const back = this.#reconnected();
    await this.nats.stop(hard);
    await this.nats.start();
    await back;
  }

  async stop(): Promise<void> {
    await this.connection.close();
    await this.nats.remove();
  }

  async #reconnected(): Promise<void> {
    for await (const { type } of this.connection.status()) if (type === Events.Reconnect) return;
  }
}

/** A stream that facts are tried on. */
export class FactStream {
  readonly connection: NatsConnection;
  readonly config: StreamConfig;

  constructor(connection: NatsConnection, config: StreamConfig) {
    this.connection = connection;
    this.config = config;
  }

  /** Makes it; throws what JetStream has against it. */
  static async create(connection: NatsConnection, config: StreamConfig): Promise<FactStream> {
    const made = new FactStream(connection, config);
    const { error } = await made.ask("STREAM.CREATE", config);
    if (error) throw new Error(`${config.name}: ${error.description ?? "no reason"} (${String(error.err_code)})`);
    return made;
  }

  /** The subject under which a channel is stored. */
  subject(channel = "x"): string {
    return `halley.pub.${this.config.name.slice("HALLEY_".length)}.${channel}`;
  }

  /** Asks `$JS.API.<call>.<stream>`. */
  async ask<T = Answer>(call: string, body?: object): Promise<T & Answer> {
    const answer = await this.connection.request(`$JS.API.${call}.${this.config.name}`, body === undefined ? "" : JSON.stringify(body), { timeout: ANSWER_MS });
    return answer.json<T & Answer>();
  }

  info(): Promise<ApiStreamInfo & Answer> {
    return this.ask<ApiStreamInfo>("STREAM.INFO");
  }

  /** Asks any replica for stored messages; the one answer, headers and all. */
  directGet(query: object, timeout = ANSWER_MS): Promise<Msg> {
    return this.connection.request(`$JS.API.DIRECT.GET.${this.config.name}`, JSON.stringify(query), { timeout });
  }

  /** The same, with everything that comes until the first message with a status. */
  async directGetMany(query: object): Promise<Msg[]> {
    const subscription = this.connection.subscribe(createInbox(), { timeout: ANSWER_MS });
    this.connection.publish(`$JS.API.DIRECT.GET.${this.config.name}`, JSON.stringify(query), { reply: subscription.getSubject() });
    const all: Msg[] = [];
    for await (const message of subscription) {
      all.push(message);
      if ((message.headers?.code ?? 0) !== 0) break;
    }
    return all;
  }

  /** Publishes and waits for the stream's word. */
  async store(channel = "x", forged: Forged = {}, data = "{}"): Promise<Answer> {
    return (await this.connection.request(this.subject(channel), data, { timeout: ANSWER_MS, headers: toHeaders(forged) })).json<Answer>();
  }

  /** Publishes so many, pipelined, and waits until they are stored. */
  async storeMany(messages: number, channel = "x"): Promise<void> {
    for (let n = 1; n < messages; n++) this.connection.publish(this.subject(channel), "{}");
    await this.store(channel);
  }

  /** Listens to what is republished of a channel from now on. */
  async hear(channel = "x", listener = this.connection): Promise<Msg[]> {
    const heard: Msg[] = [];
    listener.subscribe(this.subject(channel).replace("halley.pub.", "halley.out."), { callback: (_, message) => heard.push(message) });
    await listener.flush();
    return heard;
  }
}

/** The last value of each of these headers, as numbers: what Halley reads. */
export function numbersOf({ headers }: Msg, ...names: readonly string[]): number[] {
  return names.map((name) => Number(headers?.values(name).at(-1)));
}

/** Sequence and last sequence of each. */
export function placesOf(heard: readonly Msg[]): number[][] {
  return heard.map((message) => numbersOf(message, "Nats-Sequence", "Nats-Last-Sequence"));
}

function toHeaders(forged: Forged): MsgHdrs {
  const made = newHeaders();
  for (const [name, values] of Object.entries(forged)) for (const value of [values].flat()) made.append(name, value);
  return made;
}
