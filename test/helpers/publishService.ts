import { credentials, Metadata } from "@grpc/grpc-js";
import { Status } from "../../gen/google/rpc/status.js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.js";
import { type PublishBatchResponse, PublishRequest, type PublishResponse, PublishServiceClient } from "../../gen/halley/v1/publish.js";
import { systemClock } from "../../lib/clock.js";
import { type Namespaces, parseNamespaces } from "../../lib/config/namespaces.js";
import { type Log, silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import { type RunningPublish, startPublish } from "../../services/publish/start.js";

/** The key that `startTestPublish` accepts. */
export const API_KEY = "test-key";

/** Namespaces of the tests: `chat` and `news` have history, `live` has none, `typed` takes registered types only. */
export const testNamespaces: Namespaces = parseNamespaces(
  {
    namespaces: {
      chat: { history: { messages: 100_000, age: "1h", bytes: "1GiB" }, untyped: true },
      news: { history: { messages: 10, age: "1h", bytes: "16MiB" }, untyped: true },
      live: { untyped: true },
      typed: { history: { messages: 10, age: "1h", bytes: "16MiB" } },
    },
  },
  "test",
);

/** Starts a publish service on free ports of loopback. The caller stops it. */
export async function startTestPublish(natsUrl: string, changes: { namespaces?: Namespaces; port?: number; schemas?: string; log?: Log } = {}): Promise<RunningPublish> {
  const { namespaces = testNamespaces, port = 0, schemas, log = silentLog } = changes;
  const config = { host: "127.0.0.1", port, opsPort: 0, natsUrls: [natsUrl], namespaces, apiKeys: ["another-key", API_KEY], registry: await loadSchemas(schemas), logLevel: "silent" };
  return startPublish(config, { log, clock: systemClock });
}

/** A request with an untyped JSON message to a channel. */
export function toChannel(channel: string, json: unknown = {}, message: { key?: string; type?: string; tags?: Record<string, string> } = {}): PublishRequest {
  return PublishRequest.fromPartial({
    target: { $case: "channel", value: channel },
    message: { ...message, payload: { $case: "json", value: JSON.stringify(json) } },
  });
}

/** A request with a key, to the target that a channel belongs to: a user's inbox and everyone have targets of their own. */
export function toTarget(channel: string, body: object, key: string): PublishRequest {
  const request = toChannel(channel, body, { key });
  if (channel === "all") return PublishRequest.fromPartial({ ...request, target: { $case: "everyone", value: true } });
  if (channel.startsWith("user.")) return PublishRequest.fromPartial({ ...request, target: { $case: "userId", value: channel.slice(5) } });
  return request;
}

/** What a call that failed was told. */
export interface CallFailure {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  /** `field: description` each. */
  readonly violations: readonly string[];
  readonly retryDelay: RetryInfo["retryDelay"];
}

/** Reads a status with its google.rpc details. */
export function readStatus({ code, message, details }: Status): CallFailure {
  const find = (name: string): Buffer => details.find(({ typeUrl }) => typeUrl.endsWith(`.${name}`))?.value ?? Buffer.alloc(0);
  return {
    code,
    message,
    reason: ErrorInfo.decode(find("ErrorInfo")).reason,
    violations: BadRequest.decode(find("BadRequest")).fieldViolations.map(({ field, description }) => `${field}: ${description}`),
    retryDelay: RetryInfo.decode(find("RetryInfo")).retryDelay,
  };
}

/** A client of the publish service whose calls give promises; failures are thrown as CallFailure. */
export class TestPublisher {
  readonly client: PublishServiceClient;
  readonly metadata = new Metadata();

  constructor(port: number, key: string | null = API_KEY) {
    // Retries make grpc-js keep what a stream has sent, and search it at each message.
    this.client = new PublishServiceClient(`127.0.0.1:${String(port)}`, credentials.createInsecure(), { "grpc.enable_retries": 0 });
    if (key !== null) this.metadata.set("authorization", `Bearer ${key}`);
  }

  publish(request: PublishRequest, deadlineMs = 10_000): Promise<PublishResponse> {
    return promised((done) => this.client.publish(request, this.metadata, { deadline: Date.now() + deadlineMs }, done));
  }

  publishBatch(requests: PublishRequest[], deadlineMs = 20_000): Promise<PublishBatchResponse> {
    return promised((done) => this.client.publishBatch({ requests }, this.metadata, { deadline: Date.now() + deadlineMs }, done));
  }

  close(): void {
    this.client.close();
  }
}

type Failure = Error & { code: number; details: string; metadata: Metadata };

/** Turns a callback of grpc-js into a promise. */
export function promised<T>(call: (done: (error: Error | null, response: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what tests compare is plain
      if (error) reject(failureOf(error));
      else resolve(response);
    });
  });
}

/** What an error of grpc-js says. */
export function failureOf(error: Error): CallFailure {
  const { code, details, metadata } = error as Failure | (Error & { code: number; details: string; metadata: undefined });
  const bytes = metadata?.get("grpc-status-details-bin")[0];
  if (Buffer.isBuffer(bytes)) return readStatus(Status.decode(bytes));
  return { code, message: details, reason: "", violations: [], retryDelay: undefined };
}
