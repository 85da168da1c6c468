import { logVerbosity, Server, ServerCredentials, setLogVerbosity, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type Clock, sleep } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { listenError } from "../listenError.js";
import type { Log } from "../log.js";
import { Seats } from "../seats.js";
import { ApiKeys } from "./apiKeys.js";
import { addReflection } from "./reflection.js";
import { gatherResponses } from "./gatheringCall.js";
import type { BoundMethod, RpcService } from "./rpcService.js";
import { firstValue, ServerCall } from "./serverCall.js";

/** The largest request: 4 MiB of messages, and some room for what frames them. */
export const MAX_REQUEST_BYTES = 4 * 2 ** 20 + 64 * 2 ** 10;
/** Calls under way on one connection; a client's further calls wait on its side. */
const MAX_STREAMS_PER_CONNECTION = 1_000;
/** Calls under way on all connections, by default. */
const MAX_CALLS = 20_000;
/** A peer that is gone without a word is noticed after these two. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** How long the last answers may take to leave, once no call is under way. Health watchers would hold on for ever. */
const FLUSH_MS = 500;

/** What a call came to. */
export interface CallEnd {
  /** `/halley.v1.PublishService/Publish`. */
  readonly path: string;
  /** The gRPC status code, 0 for OK. */
  readonly code: number;
  readonly durationMs: number;
}

/** How to serve. */
export interface RpcServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The environment variable that sets the port; for the sentence about a port in use. */
  readonly portSetting: string;
  readonly services: readonly RpcService[];
  readonly apiKeys: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** Calls under way on all connections; more are refused as OVERLOADED. Default 20,000. */
  readonly maxCalls?: number;
  /** Told of every call of `services` that has ended. */
  readonly onCallEnd?: (end: CallEnd) => void;
}

/**
 * A gRPC server: the given services behind API keys, and, open to everybody, health and reflection. Nothing is SERVING until
 * `setServing` says so; calls are answered from the start.
 */
export class RpcServer {
  readonly #server: Server;
  readonly #health = new HealthImplementation();
  readonly #options: RpcServerOptions;
  readonly #keys: ApiKeys;
  readonly #calls = new Seats<ServerCall>();
  #port = 0;
  #idle: () => void = () => undefined;
  #stopped: Promise<void> | undefined;

  private constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#keys = new ApiKeys(options.apiKeys);
    this.#server = new Server({
      interceptors: [gatherResponses],
      "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
      "grpc.max_concurrent_streams": MAX_STREAMS_PER_CONNECTION,
      "grpc.keepalive_time_ms": KEEPALIVE_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      // Without channelz, forceShutdown would pass over the open connections (grpc-js 1.14).
      "grpc.enable_channelz": 1,
    });
    for (const service of options.services) this.#add(service);
    this.#health.addToServer(this.#server);
    addReflection(this.#server, options.services.map(({ name }) => name));
    this.setServing(false);
  }

  /** Resolves when the port is bound. Throws one sentence when it can't be. */
  static async start(options: RpcServerOptions): Promise<RpcServer> {
    // grpc-js writes to standard error by itself what it also throws.
    setLogVerbosity(logVerbosity.NONE);
    const server = new RpcServer(options);
    await server.#bind();
    return server;
  }

  /** The bound port. */
  get port(): number {
    return this.#port;
  }

  /** How many calls of the services are under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Sets the health of the server and of each of its services. */
  setServing(serving: boolean): void {
    if (this.#stopped && serving) return;
    for (const name of ["", ...this.#options.services.map((service) => service.name)]) {
      this.#health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    }
  }

  /**
   * Takes no new calls, lets those under way finish (streams are asked to end) for at most `graceMs`, cuts the rest, and
   * frees the port. Idempotent.
   */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stopNow(graceMs);
    return this.#stopped;
  }

  async #stopNow(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    this.setServing(false);
    const closed = new Promise<void>((resolve) => { this.#server.tryShutdown(() => { resolve(); }); });
    this.#calls.forEach((call) => { call.drain(); });
    await Promise.race([closed, this.#whenIdle(), sleep(clock, graceMs)]);
    await Promise.race([closed, sleep(clock, Math.min(graceMs, FLUSH_MS))]);
    this.#server.forceShutdown();
  }

  #whenIdle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => { this.#idle = resolve; });
  }

  #bind(): Promise<void> {
    const { host, port, portSetting } = this.#options;
    const address = `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        this.#port = bound;
        if (error) reject(listenError(error, { host, port, setting: portSetting }));
        else resolve();
      });
    });
  }

  #add(service: RpcService): void {
    const implementation: UntypedServiceImplementation = {};
    const definitions = service.methods.map((method) => {
      const name = method.definition.path;
      implementation[name] = (call: ConstructorParameters<typeof ServerCall>[0]) => {
        this.#run(call, method).catch((error: unknown) => { this.#options.log.error({ err: error }, "a call could not be ended"); });
      };
      return [name, { ...BYTES_BOTH_WAYS, path: name }] as const;
    });
    this.#server.addService(Object.fromEntries(definitions), implementation);
  }

  async #run(grpcCall: ConstructorParameters<typeof ServerCall>[0], method: BoundMethod): Promise<void> {
    const { clock, log, onCallEnd, maxCalls = MAX_CALLS } = this.#options;
    const startedMs = clock.monotonicMs();
    const call = new ServerCall(grpcCall, method, log);
    const crowded = this.#calls.size >= maxCalls;
    const seat = this.#calls.add(call);
    const code = await call.run((metadata) => {
      this.#keys.check(firstValue(metadata, "authorization"));
      if (crowded) throw new RpcError("OVERLOADED", `${String(maxCalls)} calls are under way`, { retryAfterMs: 1_000 });
      if (this.#stopped) throw new RpcError("NOT_READY", "the server is draining: call again, another one answers", { retryAfterMs: 100 });
    });
    this.#calls.delete(seat, call);
    if (this.#calls.size === 0) this.#idle();
    onCallEnd?.({ path: method.definition.path, code, durationMs: clock.monotonicMs() - startedMs });
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;
const BYTES_BOTH_WAYS = {
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;
