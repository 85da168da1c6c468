import { connect } from "node:http2";
import { type ClientDuplexStream, type ClientReadableStream, credentials, Metadata, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HealthClient } from "../../gen/health/v1/health.js";
import { PresenceServiceClient, PresenceServiceService, type WatchStatsResponse } from "../../gen/halley/v1/presence.js";
import { type PublishRequest, PublishServiceClient, PublishServiceService, type PublishStreamRequest, type PublishStreamResponse } from "../../gen/halley/v1/publish.js";
import { eventually } from "../../test/helpers/eventually.js";
import { type CallFailure, failureOf, promised, toChannel } from "../../test/helpers/publishService.js";
import { systemClock } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { type Log, silentLog } from "../log.js";
import type { CallContext } from "./callContext.js";
import { type CallEnd, RpcServer } from "./rpcServer.js";
import { bindService, type Handlers } from "./rpcService.js";

type Publish = Handlers<typeof PublishServiceService>;
type Presence = Handlers<typeof PresenceServiceService>;

const unimplemented = (): Promise<never> => Promise.reject(new RpcError("UNIMPLEMENTED", "not in this test"));

describe("rpc server", () => {
  const ended: CallEnd[] = [];
  const logged: object[] = [];
  const log: Log = { ...silentLog, error: (fields) => { logged.push(fields); } };
  let handlers: Publish;
  let presence: Presence;
  let server: RpcServer;
  let client: PublishServiceClient;
  let watcher: PresenceServiceClient;
  let metadata: Metadata;

  const options = (port: number) => ({
    host: "127.0.0.1", port, portSetting: "HALLEY_PUBLISH_PORT", apiKeys: ["one", "two"], maxCalls: 20, log, clock: systemClock, onCallEnd: (end: CallEnd) => { ended.push(end); },
    services: [
      bindService(PublishServiceService, {
        publish: (request, context) => handlers.publish(request, context),
        publishBatch: (request, context) => handlers.publishBatch(request, context),
        publishStream: (requests, context) => handlers.publishStream(requests, context),
      }),
      bindService(PresenceServiceService, {
        getUsers: unimplemented, listOnlineUsers: unimplemented, listChannelMembers: unimplemented, countChannels: unimplemented, getStats: unimplemented,
        watchPresence: (request, context) => presence.watchPresence(request, context),
        watchStats: (request, context) => presence.watchStats(request, context),
      }),
    ],
  });

  beforeEach(async () => {
    ended.length = 0;
    logged.length = 0;
    handlers = {
      publish: (request) => Promise.resolve({ position: undefined, duplicate: request.target?.$case === "everyone" }),
      publishBatch: () => Promise.resolve({ results: [] }),
      async *publishStream(requests) {
        for await (const piece of requests) yield piece.map(({ id }) => ({ id, result: undefined }));
      },
    };
    presence = {
      getUsers: unimplemented, listOnlineUsers: unimplemented, listChannelMembers: unimplemented, countChannels: unimplemented, getStats: unimplemented,
      async *watchPresence() { /* ends at once */ },
      async *watchStats() { /* ends at once */ },
    };
    server = await RpcServer.start(options(0));
    const address = `127.0.0.1:${String(server.port)}`;
    client = new PublishServiceClient(address, credentials.createInsecure());
    watcher = new PresenceServiceClient(address, credentials.createInsecure());
    metadata = new Metadata();
    metadata.set("authorization", "Bearer two");
  });
  afterEach(async () => {
    client.close();
    watcher.close();
    await server.stop(0);
  });

  const publish = (request: PublishRequest = toChannel("x"), deadlineMs = 10_000) =>
    promised((done) => client.publish(request, metadata, { deadline: Date.now() + deadlineMs }, done));
  const failing = (): Promise<CallFailure> => publish().then(() => { throw new Error("it was answered"); }, (error: unknown) => error as CallFailure);
  const everyone: PublishRequest = { ...toChannel("x"), target: { $case: "everyone", value: true } };
  /** Collects what a stream gives until it ends; the failure that it ended with, if any. */
  const collect = async <T>(stream: ClientReadableStream<T> | ClientDuplexStream<PublishStreamRequest, T>): Promise<{ got: T[]; failure: CallFailure | undefined }> => {
    const got: T[] = [];
    const failure = await new Promise<CallFailure | undefined>((resolve) => {
      stream.on("data", (message: T) => { got.push(message); });
      stream.on("error", (error: Error) => { resolve(failureOf(error)); });
      stream.on("end", () => { resolve(undefined); });
    });
    return { got, failure };
  };

  it("answers a unary call, and tells how it ended", async () => {
    expect(await publish(everyone)).toEqual({ position: undefined, duplicate: true });
    expect(ended).toEqual([{ path: "/halley.v1.PublishService/Publish", code: 0, durationMs: expect.any(Number) as number }]);
  });

  it.each(["", "Bearer", "Bearer one,two", "Bearer wrong", "Basic two", "two"])("refuses the authorization '%s' before the handler runs", async (authorization) => {
    let ran = false;
    handlers = { ...handlers, publish: () => { ran = true; return unimplemented(); } };
    metadata.set("authorization", authorization);
    await expect(publish()).rejects.toMatchObject({ code: status.UNAUTHENTICATED, reason: "API_KEY_REFUSED" });
    expect(ran).toBe(false);
  });

  it.each(["Bearer one", "bearer two", "Bearer  two"])("takes the authorization '%s'", async (authorization) => {
    metadata.set("authorization", authorization);
    await publish();
  });

  it("tells an RpcError with its details", async () => {
    const violations = [{ field: "message.key", description: "is too long" }, { field: "target", description: "is missing" }];
    handlers = { ...handlers, publish: () => Promise.reject(RpcError.invalid(violations)) };
    await expect(publish()).rejects.toEqual({
      code: status.INVALID_ARGUMENT,
      message: "message.key: is too long; target: is missing",
      reason: "INVALID_REQUEST",
      violations: ["message.key: is too long", "target: is missing"],
      retryDelay: undefined,
    });
    handlers = { ...handlers, publish: () => Promise.reject(RpcError.natsUnavailable("away")) };
    await expect(publish()).rejects.toMatchObject({ code: status.UNAVAILABLE, reason: "NATS_UNAVAILABLE", retryDelay: { seconds: 1, nanos: 0 } });
  });

  it("keeps a status small enough for headers, and its text fit for them", async () => {
    const violations = Array.from({ length: 1_000 }, (_, at) => ({ field: `items[${String(at)}]`, description: `is \ud800 wrong é ${"x".repeat(600)}` }));
    handlers = { ...handlers, publish: () => Promise.reject(RpcError.invalid(violations)) };
    const failure = await failing();
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(failure.violations.at(-1)).toMatch(/and 99\d more/);
  });

  it("tells an unforeseen fault blandly, and logs the cause under the id that the caller is told", async () => {
    handlers = { ...handlers, publish: () => { throw new TypeError("secret detail"); } };
    const failure = await failing();
    expect(failure).toMatchObject({ code: status.INTERNAL, reason: "INTERNAL", message: expect.stringMatching(/^internal fault [0-9a-f]{12}$/) as string });
    expect(logged).toEqual([{ err: expect.objectContaining({ message: "secret detail" }) as Error, fault: failure.message.slice(-12) }]);
  });

  it("refuses bytes that are no request, and a request too large, without harm to the next", async () => {
    const raw = (bytes: Buffer) => promised((done) => client.makeUnaryRequest("/halley.v1.PublishService/Publish", (b: Buffer) => b, (b) => b, bytes, metadata, done));
    await expect(raw(Buffer.from([0xff, 0xff, 0xff]))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_REQUEST" });
    await expect(raw(Buffer.alloc(5 * 2 ** 20))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await publish();
  });

  it("gives handlers the deadline, metadata and the caller's address", async () => {
    let context: CallContext | undefined;
    let peer = "";
    handlers = { ...handlers, publish: (_, given) => { context = given; peer = given.peer; return Promise.resolve({ position: undefined, duplicate: false }); } };
    metadata.set("traceparent", "abc");
    await publish(everyone, 5_000);
    expect(context?.deadlineMs).toBeGreaterThan(3_000);
    expect(context?.deadlineMs).toBeLessThanOrEqual(5_000);
    expect(context?.metadata("traceparent")).toBe("abc");
    expect(context?.metadata("other")).toBeUndefined();
    expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
    await promised((done) => client.publish(everyone, metadata, done));
    expect(context?.deadlineMs).toBe(Infinity);
  });

  it("aborts the signal at the deadline and when the caller cancels, and never after an answer", async () => {
    const reasons: unknown[] = [];
    const waitForAbort = (_: unknown, { signal }: CallContext): Promise<never> =>
      new Promise((_resolve, reject) => { signal.addEventListener("abort", () => { reasons.push((signal.reason as RpcError).reason); reject(signal.reason as Error); }); });
    // The deadline is to pass in the handler, not while the client connects.
    await publish();
    handlers = { ...handlers, publish: waitForAbort };
    await expect(publish(everyone, 1_000)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await eventually(() => ended.at(-1)?.code === status.DEADLINE_EXCEEDED);
    const call = client.publish(everyone, metadata, () => undefined);
    await eventually(() => server.calls === 1);
    call.cancel();
    await eventually(() => ended.at(-1)?.code === status.CANCELLED);
    expect(reasons).toEqual(["DEADLINE_EXCEEDED", "CANCELLED"]);
    let signal: AbortSignal | undefined;
    handlers = { ...handlers, publish: (_, context) => { signal = context.signal; return Promise.resolve({ position: undefined, duplicate: false }); } };
    await publish();
    await eventually(() => server.calls === 0);
    expect(signal?.aborted).toBe(false);
  });

  it("refuses what is more than it takes at a time", async () => {
    const open: (() => void)[] = [];
    handlers = { ...handlers, publish: () => new Promise((resolve) => { open.push(() => { resolve({ position: undefined, duplicate: false }); }); }) };
    const taken = Array.from({ length: 20 }, () => publish());
    await eventually(() => open.length === 20);
    await expect(publish()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "OVERLOADED", retryDelay: { seconds: 1, nanos: 0 } });
    for (const letGo of open) letGo();
    await Promise.all(taken);
  });

  it("aborts when the connection is gone", async () => {
    handlers = { ...handlers, publish: (_, { signal }) => new Promise((_resolve, reject) => { signal.addEventListener("abort", () => { reject(signal.reason as Error); }); }) };
    const session = connect(`http://127.0.0.1:${String(server.port)}`);
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": "/halley.v1.PublishService/Publish", "content-type": "application/grpc", te: "trailers", authorization: "Bearer one" });
    stream.on("error", () => undefined);
    stream.end(Buffer.alloc(5));
    await eventually(() => server.calls === 1);
    session.destroy();
    await eventually(() => ended.at(-1)?.code === status.CANCELLED);
  });

  describe("streams", () => {
    it("carries requests and responses in order", async () => {
      const stream = client.publishStream(metadata);
      for (let id = 0; id < 500; id++) stream.write({ id, publish: undefined });
      stream.end();
      const { got, failure } = await collect(stream);
      expect([got.map(({ id }) => id), failure]).toEqual([Array.from({ length: 500 }, (_, id) => id), undefined]);
    });

    it("answers what came before bytes that are no request", async () => {
      let letGo: () => void = () => undefined;
      const held = new Promise<void>((resolve) => { letGo = resolve; });
      handlers = {
        ...handlers,
        async *publishStream(requests) {
          for await (const piece of requests) {
            yield piece.map(({ id }) => ({ id, result: undefined }));
            await held;
          }
        },
      };
      const { path, requestSerialize, responseDeserialize } = PublishServiceService.publishStream;
      const stream = client.makeBidiStreamRequest<Buffer, PublishStreamResponse>(path, (bytes) => bytes, responseDeserialize, metadata);
      const collected = collect(stream as unknown as ClientReadableStream<PublishStreamResponse>);
      const good = [1, 2].map((id) => requestSerialize({ id, publish: undefined }));
      for (const bytes of [...good, Buffer.from([0xff, 0xff, 0xff]), ...good]) stream.write(bytes);
      // On the same connection, so that when it is answered the stream's messages are there, too.
      await publish();
      letGo();
      const { got, failure } = await collected;
      expect([got.map(({ id }) => id), failure?.reason]).toEqual([[1, 2], "INVALID_REQUEST"]);
    });

    it("tells a failure behind the responses that came before it", async () => {
      handlers = {
        ...handlers,
        async *publishStream(requests) {
          for await (const piece of requests) {
            for (const { id } of piece) {
              if (id === 3) throw new RpcError("OVERLOADED", "enough");
              yield [{ id, result: undefined }];
            }
          }
        },
      };
      const stream = client.publishStream(metadata);
      for (let id = 0; id < 10; id++) stream.write({ id, publish: undefined });
      const { got, failure } = await collect(stream);
      expect([got.length, failure?.reason]).toEqual([3, "OVERLOADED"]);
    });

    it("asks the handler for no more than the caller reads, and runs its end when the caller leaves", async () => {
      let given = 0;
      let cleaned = false;
      presence = {
        ...presence,
        async *watchStats() {
          try {
            for (;;) {
              given++;
              await Promise.resolve();
              yield [{ stats: { ...EMPTY_STATS, sessionsByTransport: { ["x".repeat(10_000)]: 1 } } }];
            }
          } finally {
            cleaned = true;
          }
        },
      };
      const stream = watcher.watchStats({ intervalMs: 0 }, metadata);
      stream.on("error", () => undefined);
      const first = await new Promise<WatchStatsResponse>((resolve) => stream.once("readable", () => { resolve(stream.read()); }));
      expect(first.stats).toBeDefined();
      const settled = await eventually(async () => {
        const before = given;
        await new Promise((resolve) => setTimeout(resolve, 200));
        return before === given && before;
      });
      expect(settled).toBeLessThan(1_000);
      stream.cancel();
      await eventually(() => cleaned);
    });

    it("reads no further than the handler does", async () => {
      let letGo: () => void = () => undefined;
      const held = new Promise<void>((resolve) => { letGo = resolve; });
      handlers = {
        ...handlers,
        async *publishStream(requests) {
          for await (const piece of requests) {
            await held;
            yield piece.map(({ id }) => ({ id, result: undefined }));
          }
        },
      };
      const stream = client.publishStream(metadata);
      let written = 0;
      const pump = (): void => {
        while (written < 2_000 && stream.write({ id: written++, publish: toChannel("x", "y".repeat(10_000)) }));
        if (written < 2_000) stream.once("drain", pump);
        else stream.end();
      };
      pump();
      const settled = await eventually(async () => {
        const before = written;
        await new Promise((resolve) => setTimeout(resolve, 200));
        return before === written && before;
      });
      expect(settled).toBeLessThan(1_000);
      letGo();
      expect((await collect(stream)).got.length).toBe(2_000);
    });
  });

  describe("health", () => {
    it("is open to everybody and says what it was told", async () => {
      const health = new HealthClient(`127.0.0.1:${String(server.port)}`, credentials.createInsecure());
      const check = (service: string) => promised<{ status: number }>((done) => health.check({ service }, done));
      expect((await check("")).status).toBe(2);
      server.setServing(true);
      expect((await check("halley.v1.PublishService")).status).toBe(1);
      await expect(check("unknown")).rejects.toMatchObject({ code: status.NOT_FOUND });
      health.close();
    });
  });

  describe("stop", () => {
    it("lets calls under way finish, refuses new ones, and frees the port", async () => {
      let letGo: () => void = () => undefined;
      handlers = { ...handlers, publish: () => new Promise((resolve) => { letGo = () => { resolve({ position: undefined, duplicate: true }); }; }) };
      const underWay = publish();
      await eventually(() => server.calls === 1);
      const stopped = server.stop(5_000);
      await expect(new Promise((_, reject) => { const late = new PublishServiceClient(`127.0.0.1:${String(server.port)}`, credentials.createInsecure()); late.publish(everyone, metadata, (error) => { late.close(); reject(error ?? new Error("it was answered")); }); })).rejects.toMatchObject({ code: status.UNAVAILABLE });
      letGo();
      expect(await underWay).toEqual({ position: undefined, duplicate: true });
      await stopped;
      const again = await RpcServer.start(options(server.port));
      await again.stop(0);
    });

    it("ends streams with NOT_READY, behind what was read before", async () => {
      const stream = client.publishStream(metadata);
      const collected = collect<PublishStreamResponse>(stream);
      stream.write({ id: 7, publish: undefined });
      await eventually(() => server.calls === 1);
      presence = { ...presence, async *watchStats(_, { signal }) { await new Promise((resolve) => { signal.addEventListener("abort", resolve); }); yield* []; } };
      const watching = collect<WatchStatsResponse>(watcher.watchStats({ intervalMs: 0 }, metadata));
      await eventually(() => server.calls === 2);
      await server.stop(5_000);
      expect(await collected).toMatchObject({ got: [{ id: 7 }], failure: { code: status.UNAVAILABLE, reason: "NOT_READY" } });
      expect(await watching).toMatchObject({ got: [], failure: { code: status.UNAVAILABLE, reason: "NOT_READY" } });
    });

    it("cuts what doesn't finish within the grace", async () => {
      handlers = { ...handlers, publish: () => new Promise(() => undefined) };
      const hanging = publish();
      hanging.catch(() => undefined);
      await eventually(() => server.calls === 1);
      const startMs = Date.now();
      await server.stop(50);
      await expect(hanging).rejects.toMatchObject({ code: expect.any(Number) as number });
      expect(Date.now() - startMs).toBeLessThan(2_000);
    });
  });

  it("says in one sentence that the port is in use", async () => {
    const port = String(server.port);
    await expect(RpcServer.start(options(server.port))).rejects.toThrow(new Error(`port ${port} on 127.0.0.1 is in use: stop what listens there, or set HALLEY_PUBLISH_PORT`));
  });
});

const EMPTY_STATS = {
  onlineUsers: 0, sessions: 0, sessionsByTransport: {}, channels: 0, publicationsPerSecond: 0, deliveriesPerSecond: 0, connectors: [], asOf: undefined,
};
