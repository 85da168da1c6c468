import { randomBytes } from "node:crypto";
import { type Client, type ClientReadableStream, credentials, loadPackageDefinition, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { Bus } from "../../lib/bus/bus.js";
import { systemClock } from "../../lib/clock.js";
import { type Namespaces, parseNamespaces } from "../../lib/config/namespaces.js";
import { silentLog } from "../../lib/log.js";
import { PresenceReporter } from "../../services/connector/presence/reporter.js";
import { type RunningPresence, startPresence } from "../../services/presence/start.js";
import { type CallFailure, failureOf } from "./publishService.js";

/** The key that `startTestPresence` accepts. */
export const PRESENCE_KEY = "test-key";
/** Of the replicas here: a tenth of the real times. */
export const ROUND_MS = 400;
export const LEASE_MS = 1_200;
/** Of the connectors here. */
export const HEARTBEAT_MS = 250;

/** `chat` has presence, `news` has not. */
export const presenceNamespaces: Namespaces = parseNamespaces({ namespaces: { chat: { presence: true }, news: {} } }, "test");

/** Starts a replica on free ports of loopback, with short times. The caller stops it. */
export function startTestPresence(natsUrl: string): Promise<RunningPresence> {
  const config = { host: "127.0.0.1", port: 0, opsPort: 0, natsUrls: [natsUrl], apiKeys: [PRESENCE_KEY], logLevel: "silent" };
  const times = { roundMs: ROUND_MS, leaseMs: LEASE_MS };
  return startPresence({ ...config, ...times, namespaces: presenceNamespaces }, { log: silentLog, clock: systemClock });
}

/** The presence side of a connector, with a connection of its own. */
export interface TestConnector {
  readonly name: string;
  readonly bus: Bus;
  readonly reporter: PresenceReporter;
  /** Drains: says that it leaves. */
  stop(): Promise<void>;
  /** Ends without a word. */
  kill(): Promise<void>;
}

/** Starts the presence side of a connector. The caller stops or kills it. */
export async function startTestConnector(natsUrl: string, name: string): Promise<TestConnector> {
  const bus = await Bus.connect({ servers: [natsUrl], name, log: silentLog });
  const reporter = new PresenceReporter({ bus, clock: systemClock, log: silentLog, connector: name, incarnation: randomBytes(8), heartbeatMs: HEARTBEAT_MS });
  const stop = async (): Promise<void> => {
    reporter.stop();
    await bus.close();
  };
  // The connection goes first: what the reporter says after that reaches nobody.
  const kill = async (): Promise<void> => {
    await bus.connection.close();
    reporter.stop();
  };
  return { name, bus, reporter, stop, kill };
}

/** A stream that is being watched. */
export interface Watch<T> {
  readonly heard: T[];
  /** How it ended, when it failed. */
  failure: CallFailure | undefined;
  readonly stream: ClientReadableStream<Reply>;
}

type Reply = Record<string, unknown>;
type Method = (request: object, metadata: Metadata, done: (error: ServiceError | null, reply: Reply) => void) => void;
type StreamMethod = (request: object, metadata: Metadata) => ClientReadableStream<Reply>;

/** A client as a stranger would write it: from the .proto files alone, through proto-loader. */
export class PresenceClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #streams = new Set<ClientReadableStream<Reply>>();

  constructor(port: number, key: string | null = PRESENCE_KEY) {
    const definition = loadSync("halley/v1/presence.proto", { includeDirs: ["proto"], defaults: true, oneofs: true, longs: Number, keepCase: true });
    const { halley } = loadPackageDefinition(definition) as unknown as { halley: { v1: { PresenceService: new (address: string, how: object) => Client } } };
    this.#client = new halley.v1.PresenceService(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    if (key !== null) this.#metadata.set("authorization", `Bearer ${key}`);
  }

  /** Calls a unary method; a failure is thrown as CallFailure. */
  call<T extends object = Reply>(method: string, request: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (this.#client as unknown as Record<string, Method | undefined>)[method];
      run?.call(this.#client, request, this.#metadata, (error, reply) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what tests compare is plain
        if (error) reject(failureOf(error));
        else resolve(reply as T);
      });
    });
  }

  /** Opens a stream; what comes is collected, and how it ended. */
  watch<T extends object = Reply>(method: string, request: object = {}): Watch<T> {
    const run = (this.#client as unknown as Record<string, StreamMethod>)[method];
    if (!run) throw new Error(`there is no method ${method}`);
    const stream = run.call(this.#client, request, this.#metadata);
    this.#streams.add(stream);
    const watch: Watch<T> = { heard: [], failure: undefined, stream };
    stream.on("data", (reply: T) => { watch.heard.push(reply); });
    stream.on("error", (error) => { watch.failure = failureOf(error); });
    return watch;
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }
}
