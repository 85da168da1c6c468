import { connect, type ConnectionOptions, createInbox, DebugEvents, Events, type Msg, type NatsConnection, NatsError, type PublishOptions, type Subscription } from "nats";
import { sleep, systemClock } from "../clock.js";
import type { Log } from "../log.js";
import { RpcError } from "../errors/rpcError.js";
import { AnswerBudget } from "./answerBudget.js";
import { credentialsOf, withoutCredentials } from "./natsCredentials.js";
import type { PublishHeaders } from "./publishHeaders.js";
import { type Question, RequestMux } from "./requestMux.js";
import { slimSubscription } from "./slimSubscription.js";

/** The headers of a message. */
export interface BusHeaders {
  /** The last value of a header, "" when there is none. NATS's own `Nats-*` stand behind a publisher's. */
  last(name: string): string;
  /** The names that occur. */
  keys(): string[];
  /** The status code of a header-only answer of the server (404, 503, …), 0 for ordinary messages. */
  readonly code: number;
}

/** A message from NATS. `headers` parses on access and throws where a publisher's header names are invalid. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: BusHeaders | undefined;
  readonly reply?: string | undefined;
  /** Subject, headers and payload, in bytes. */
  size(): number;
  /** Answers a request; false when the message is none. */
  respond(data: Uint8Array): boolean;
}

/** Interest in a subject. */
export interface BusSubscription {
  /** Ends it; the handler runs no more after this returns. */
  unsubscribe(): void;
}

/** What the connection is doing. `reconnected` comes after all subscriptions were sent again. */
export type BusEvent = "disconnected" | "reconnected" | "closed";

/** How to connect. */
export interface BusOptions {
  readonly servers: readonly string[];
  /** Shown in the server's connection list, and the second token of the subjects on which answers come: `_INBOX.<name>.…`. */
  readonly name: string;
  readonly log: Log;
}

/** The library's messages know their size; its types leave it out. */
type SizedMessage = Msg & Pick<BusMessage, "size">;

const TEXT = new TextEncoder();
/** What is buffered is sent within this time, or not at all. */
const CLOSE_MS = 2_000;

/**
 * A connection to NATS that reconnects for ever. Nothing is buffered while it is down: publishing and asking then throw
 * NATS_UNAVAILABLE at once. Only lib/bus imports `nats`.
 */
export class Bus {
  /** What answers with stored messages may take, all together: who asks for some counts them here. */
  readonly answers = new AnswerBudget(systemClock);
  readonly #connection: NatsConnection;
  readonly #inboxPrefix: string;
  readonly #log: Log;
  readonly #listeners = new Set<(event: BusEvent) => void>();
  readonly #requests: RequestMux;
  #connected = true;
  #closing = false;

  private constructor(connection: NatsConnection, inboxPrefix: string, log: Log) {
    this.#connection = connection;
    this.#inboxPrefix = inboxPrefix;
    this.#log = log;
    this.#requests = new RequestMux(this);
    this.#watchStatus().catch((error: unknown) => { log.error({ err: error }, "the status of the NATS connection can't be followed"); });
  }

  /** Connects. Throws NATS_UNAVAILABLE when no server answers, and another error, a sentence, when one refuses the credentials. */
  static async connect({ servers, name, log }: BusOptions): Promise<Bus> {
    const options: ConnectionOptions = {
      servers: servers.map((server) => withoutCredentials(server)),
      ...credentialsOf(servers),
      name,
      inboxPrefix: inboxPrefixOf(name),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      // A dead peer is noticed within 15 s even where no RST comes.
      pingInterval: 5_000,
      maxPingOut: 2,
      timeout: 5_000,
      ignoreClusterUpdates: false,
    };
    try {
      return new Bus(await connect(options), inboxPrefixOf(name), log);
    } catch (error) {
      if (error instanceof NatsError && error.isAuthError()) {
        throw new Error(`the NATS server at ${servers.map((server) => withoutCredentials(server, "***@")).join(", ")} refuses the credentials: correct HALLEY_NATS_URL`, { cause: error });
      }
      throw RpcError.natsUnavailable(`no NATS server answers at ${servers.map((server) => withoutCredentials(server, "***@")).join(", ")}`, error);
    }
  }

  /** Whether publishing can succeed at this moment. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The version of the server that the connection is with, like `2.9.10`. */
  get serverVersion(): string {
    return this.#connection.info?.version ?? "0.0.0";
  }

  /** The name of the server that the connection is with. */
  get serverName(): string {
    return this.#connection.info?.server_name ?? "";
  }

  /** Whether that server is part of a cluster. */
  get clustered(): boolean {
    const info: { cluster?: string } | undefined = this.#connection.info;
    return info?.cluster !== undefined && info.cluster !== "";
  }

  /** Whether the server that the connection is with runs JetStream itself. */
  get hasJetStream(): boolean {
    const info: { jetstream?: boolean } | undefined = this.#connection.info;
    return info?.jetstream === true;
  }

  /** The largest message that the server takes, in bytes, headers included. */
  get maxPayloadBytes(): number {
    return this.#connection.info?.max_payload ?? 2 ** 20;
  }

  /** Calls `listener` on each event until the returned function is called. */
  onEvent(listener: (event: BusEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends without confirmation. Throws NATS_UNAVAILABLE when disconnected. */
  publish(subject: string, data: Uint8Array, options: { readonly headers?: PublishHeaders; readonly reply?: string } = {}): void {
    this.#assertConnected();
    // Of headers the library calls nothing but `encode`.
    this.#connection.publish(subject, data, options as unknown as PublishOptions);
  }

  /** Takes interest. The handler runs in order of arrival; what it throws is logged. `queue`: one of a group gets each. */
  subscribe(subject: string, handler: (message: BusMessage) => void, options: { readonly queue?: string } = {}): BusSubscription {
    const subscription = this.#connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error) {
          this.#log.error({ err: error, subject }, "NATS refused a subscription");
          return;
        }
        try {
          handler(message as SizedMessage);
        } catch (fault) {
          this.#log.error({ err: fault, subject: message.subject }, "a NATS message could not be handled");
        }
      },
    });
    slimSubscription(subscription);
    return new Interest(subscription);
  }

  /**
   * Asks and waits for one answer. Throws NATS_UNAVAILABLE when disconnected, when nobody is there to answer, and after
   * `timeoutMs`.
   */
  request(subject: string, data: Uint8Array | string, timeoutMs: number, headers?: PublishHeaders): Promise<BusMessage> {
    return this.#requests.request(subject, typeof data === "string" ? TEXT.encode(data) : data, timeoutMs, headers);
  }

  /**
   * Asks and waits for an answer of several messages, given to `take` in order until it gives what they mean together, or throws.
   * Throws NATS_UNAVAILABLE as `request` does.
   */
  requestMany<T extends object>(question: Question, take: (message: BusMessage) => T | undefined): Promise<T> {
    return this.#requests.requestMany(question, take);
  }

  /** Resolves when the server has handled everything that was sent before. Throws NATS_UNAVAILABLE when the connection breaks. */
  async flush(): Promise<void> {
    this.#assertConnected();
    try {
      await this.#connection.flush();
    } catch (error) {
      throw RpcError.natsUnavailable("the connection to NATS broke", error);
    }
  }

  /** A subject for answers that only this connection hears. */
  createInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** The connection itself, for lib/bus's own use of JetStream's management and KV. */
  get connection(): NatsConnection {
    return this.#connection;
  }

  /** Sends what is buffered, for 2 s at most, and closes. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#connection.isClosed()) return;
    // A server that is silent would hold the draining up until its pings are missed.
    if (this.#connected) await Promise.race([this.#connection.drain().catch(() => undefined), sleep(systemClock, CLOSE_MS)]);
    await this.#connection.close();
  }

  #assertConnected(): void {
    if (!this.#connected) throw RpcError.natsUnavailable("the connection to NATS is down");
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      const { type, data } = status;
      if (type === Events.Disconnect) this.#setConnected(false);
      else if (type === Events.Reconnect) this.#setConnected(true);
      else if (type === Events.Error) this.#log.warn({ error: data, refused: status.permissionContext }, "NATS reports an error");
      else if (type === DebugEvents.StaleConnection) this.#log.warn({}, "NATS does not answer pings");
    }
    this.#connected = false;
    this.#emit("closed");
  }

  #setConnected(connected: boolean): void {
    this.#connected = connected;
    if (!this.#closing) {
      if (connected) this.#log.info({ server: this.serverName, version: this.serverVersion }, "reconnected to NATS");
      else this.#log.warn({}, "disconnected from NATS");
    }
    this.#emit(connected ? "reconnected" : "disconnected");
  }

  #emit(event: BusEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ err: error, event }, "a NATS event could not be handled");
      }
    }
  }
}

/** There are as many of these as channels. */
class Interest implements BusSubscription {
  readonly #subscription: Subscription;

  constructor(subscription: Subscription) {
    this.#subscription = subscription;
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }
}

/** Each user of NATS hears answers under a prefix of its own only, so that nobody reads what another one asked for. */
function inboxPrefixOf(name: string): string {
  return `_INBOX.${name}`;
}
