import { type ClientDuplexStream, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PublishStreamRequest, PublishStreamResponse } from "../../gen/halley/v1/publish.js";
import { Bus } from "../../lib/bus/bus.js";
import { fetchStreamInfo } from "../../lib/bus/streamInfo.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { type CallFailure, failureOf, readStatus, startTestPublish, TestPublisher, toChannel } from "../../test/helpers/publishService.js";
import type { RunningPublish } from "./start.js";

type Call = ClientDuplexStream<PublishStreamRequest, PublishStreamResponse>;

describe("publish stream and batch", () => {
  let nats: NatsServer;
  let running: RunningPublish;
  let publisher: TestPublisher;
  let bus: Bus;

  beforeAll(async () => {
    nats = await startNatsServer();
    running = await startTestPublish(nats.url, { schemas: "examples/schemas" });
    await running.ready;
    publisher = new TestPublisher(running.port);
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterAll(async () => {
    publisher.close();
    await bus.close();
    await running.stop();
    await nats.remove();
  });

  const collect = (stream: Call): { acks: PublishStreamResponse[]; ended: Promise<CallFailure | undefined> } => {
    const acks: PublishStreamResponse[] = [];
    const ended = new Promise<CallFailure | undefined>((resolve) => {
      stream.on("data", (ack: PublishStreamResponse) => { acks.push(ack); });
      stream.on("error", (error: Error) => { resolve(failureOf(error)); });
      stream.on("end", () => { resolve(undefined); });
    });
    return { acks, ended };
  };
  const outcome = ({ result }: PublishStreamResponse): string => {
    if (result?.outcome?.$case === "error") return readStatus(result.outcome.value).violations[0] ?? readStatus(result.outcome.value).reason;
    return String(result?.outcome?.value.position?.offset);
  };

  it("acknowledges every message in the order of the requests, refused ones too, and goes on", async () => {
    const stream = publisher.client.publishStream(publisher.metadata);
    const { acks, ended } = collect(stream);
    const first = (await fetchStreamInfo(bus, "HALLEY_chat")).lastSequence + 1;
    const requests = [toChannel("chat.a", 1), toChannel("chat..a"), toChannel("nowhere.a"), undefined, toChannel("chat.a", 2)];
    for (const [id, publish] of requests.entries()) stream.write({ id: 100 - id, publish });
    stream.end();
    expect(await ended).toBeUndefined();
    expect(acks.map(({ id }) => id)).toEqual([100, 99, 98, 97, 96]);
    expect(acks.map(outcome)).toEqual([
      String(first),
      "publish.channel: must not hold empty tokens (a dot at an end, or two in a row)",
      "UNKNOWN_NAMESPACE",
      "publish.target: is missing: set channel, user_id or everyone",
      String(first + 1),
    ]);
  });

  it("keeps the order of many", async () => {
    const stream = publisher.client.publishStream(publisher.metadata);
    const { acks, ended } = collect(stream);
    for (let id = 0; id < 5_000; id++) if (!stream.write({ id, publish: toChannel("chat.many", id) })) await new Promise((resolve) => stream.once("drain", resolve));
    stream.end();
    await ended;
    expect(acks.map(({ id }) => id)).toEqual(Array.from({ length: 5_000 }, (_, id) => id));
    const offsets = acks.map((ack) => Number(outcome(ack)));
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it("reads no further while the client doesn't read its acknowledgements", async () => {
    const before = (await fetchStreamInfo(bus, "HALLEY_chat")).lastSequence;
    const stream = publisher.client.publishStream(publisher.metadata);
    // Taking the first makes grpc-js's client hold back the rest: before, it takes in whatever comes.
    const first = new Promise<PublishStreamResponse>((resolve) => stream.once("readable", () => { resolve(stream.read()); }));
    const written = { count: 0 };
    const pump = (): void => {
      while (written.count < 20_000 && stream.write({ id: written.count++, publish: toChannel("chat.slow", "x".repeat(500)) }));
      if (written.count < 20_000) stream.once("drain", pump);
      else stream.end();
    };
    pump();
    await first;
    const stored = await eventually(async () => {
      const { lastSequence } = await fetchStreamInfo(bus, "HALLEY_chat");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return lastSequence > before && lastSequence === (await fetchStreamInfo(bus, "HALLEY_chat")).lastSequence && lastSequence - before;
    });
    // 1,024 unacknowledged, and what HTTP/2's windows hold of acknowledgements of some 30 bytes.
    expect(stored).toBeLessThan(1_024 + 6_000);
    const { acks, ended } = collect(stream);
    stream.resume();
    expect(await ended).toBeUndefined();
    expect(acks).toHaveLength(19_999);
  });

  it("ends with what was read, acknowledged, when the service stops", async () => {
    const own = await startTestPublish(nats.url);
    await own.ready;
    const client = new TestPublisher(own.port);
    const stream = client.client.publishStream(client.metadata);
    const { acks, ended } = collect(stream);
    for (let id = 0; id < 50; id++) stream.write({ id, publish: toChannel("chat.stop", id) });
    await eventually(() => acks.length > 0);
    await own.stop();
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE, reason: "NOT_READY" });
    expect(acks.every((ack) => Number(outcome(ack)) > 0)).toBe(true);
    client.close();
  });

  it("goes on for others when a client is cut in the middle", async () => {
    const stream = publisher.client.publishStream(publisher.metadata);
    const { ended } = collect(stream);
    for (let id = 0; id < 2_000; id++) stream.write({ id, publish: toChannel("chat.cut", id) });
    stream.cancel();
    expect(await ended).toBeDefined();
    expect((await publisher.publish(toChannel("chat.after"))).position).toBeDefined();
  });

  it("answers a batch item by item", async () => {
    const { results } = await publisher.publishBatch([toChannel("chat.b", 1, { key: "k" }), toChannel("chat.b", 1, { key: " k" }), toChannel("sys.stats"), toChannel("chat.b", 2, { key: "k" }), toChannel("live.b")]);
    expect(results.map(({ outcome: each }) => (each?.$case === "error" ? readStatus(each.value) : each?.value))).toMatchObject([
      { duplicate: false },
      { code: status.INVALID_ARGUMENT, violations: ["requests[1].message.key: must not begin or end with a space"] },
      { code: status.PERMISSION_DENIED, reason: "PUBLISH_DENIED" },
      { duplicate: true },
      { position: undefined },
    ]);
  });

  it("bounds a batch in messages and bytes", async () => {
    for (const count of [0, 1_001]) {
      await expect(publisher.publishBatch(Array.from({ length: count }, () => toChannel("chat.x")))).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT, violations: [`requests: are ${String(count)}, 1 to 1000 are allowed`],
      });
    }
    const half = "x".repeat(500_000);
    await expect(publisher.publishBatch(Array.from({ length: 9 }, () => toChannel("chat.x", half)))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect((await publisher.publishBatch(Array.from({ length: 8 }, () => toChannel("chat.x", half)))).results).toHaveLength(8);
  });

  it("refuses a message of 2 MB with a violation, and takes one of 512 KiB", async () => {
    await expect(publisher.publish(toChannel("chat.x", "x".repeat(2_000_000)))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, violations: ["message.json: is 2000002 bytes, at most 524288 are allowed"] });
    await publisher.publish(toChannel("chat.x", "x".repeat(512 * 1_024 - 2)));
  });

  it("carries typed bytes as they are, with their type", async () => {
    const heard: { type: string | undefined; contentType: string | undefined; data: string }[] = [];
    bus.subscribe("halley.out.typed.x", ({ headers, data }) => { heard.push({ type: headers?.last("Halley-Type"), contentType: headers?.last("Content-Type"), data: Buffer.from(data).toString("hex") }); });
    await bus.flush();
    const hi = Buffer.from([0x0a, 2, 0x68, 0x69]);
    await publisher.publish({ target: { $case: "channel", value: "typed.x" }, message: { type: "demo.v1.ChatMessage", payload: { $case: "protobuf", value: hi }, key: "", tags: {} } });
    expect(await eventually(() => heard[0])).toEqual({ type: "demo.v1.ChatMessage", contentType: "application/protobuf", data: hi.toString("hex") });
  });
});
