import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus, type BusMessage } from "../../lib/bus/bus.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { startTestPublish, TestPublisher, toChannel } from "../../test/helpers/publishService.js";
import type { RunningPublish } from "./start.js";

describe("publish", () => {
  let nats: NatsServer;
  let running: RunningPublish;
  let publisher: TestPublisher;
  let bus: Bus;

  beforeAll(async () => {
    nats = await startNatsServer();
    running = await startTestPublish(nats.url);
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

  /** Collects what is published on a subject. */
  const listen = async (subject: string): Promise<BusMessage[]> => {
    const heard: BusMessage[] = [];
    bus.subscribe(subject, (message) => { heard.push(message); });
    await bus.flush();
    return heard;
  };

  it("stores a message and answers with its position", async () => {
    const heard = await listen("halley.out.chat.first");
    const first = await publisher.publish(toChannel("chat.first", { text: "hi" }, { tags: { mood: "good" } }));
    const second = await publisher.publish(toChannel("chat.first", { text: "there" }));
    expect(first.duplicate).toBe(false);
    expect(second.position).toEqual({ offset: (first.position?.offset ?? 0) + 1, epoch: first.position?.epoch });
    expect(first.position?.epoch).toMatch(/^[A-Za-z0-9_-]{12}$/);
    const message = await eventually(() => heard[0]);
    expect(Buffer.from(message.data).toString()).toBe('{"text":"hi"}');
    expect(message.headers?.last("Halley-Tag-mood")).toBe("good");
    expect(Date.parse(message.headers?.last("Halley-Time") ?? "")).toBeGreaterThan(Date.now() - 10_000);
    expect(message.headers?.keys()).not.toContain("Halley-Type");
    expect(message.headers?.keys()).not.toContain("Content-Type");
  });

  it("tells a key that was seen before, with the first position, and scopes it by channel", async () => {
    const first = await publisher.publish(toChannel("chat.keys", 1, { key: "k" }));
    expect(await publisher.publish(toChannel("chat.keys", 2, { key: "k" }))).toEqual({ position: first.position, duplicate: true });
    expect((await publisher.publish(toChannel("chat.other", 2, { key: "k" }))).duplicate).toBe(false);
  });

  it("reaches a user's inbox and everyone", async () => {
    const inbox = await listen("halley.out.user.>");
    const all = await listen("halley.out.all");
    await publisher.publish({ ...toChannel(""), target: { $case: "userId", value: "a b.c" } });
    await publisher.publish({ ...toChannel(""), target: { $case: "everyone", value: true } });
    expect((await eventually(() => inbox[0])).subject).toBe("halley.out.user.=YSBiLmM");
    await eventually(() => all[0]);
  });

  it("publishes to a namespace without history and gives no position", async () => {
    const heard = await listen("halley.pub.live.x");
    expect(await publisher.publish(toChannel("live.x"))).toEqual({ position: undefined, duplicate: false });
    await eventually(() => heard[0]);
  });

  it("keeps the order of a batch of 10,000", async () => {
    const heard = await listen("halley.out.chat.batch");
    for (let from = 0; from < 10_000; from += 1_000) {
      const requests = Array.from({ length: 1_000 }, (_, at) => toChannel("chat.batch", from + at));
      const { results } = await publisher.publishBatch(requests);
      expect(results.every(({ outcome }) => outcome?.$case === "published")).toBe(true);
    }
    await eventually(() => heard.length === 10_000);
    expect(heard.map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(Array.from({ length: 10_000 }, (_, at) => at));
  });

  it("refuses a wrong or missing key before anything else", async () => {
    for (const key of ["wrong", "", null]) {
      const stranger = new TestPublisher(running.port, key);
      await expect(stranger.publish(toChannel("nonsense..x"))).rejects.toMatchObject({ code: status.UNAUTHENTICATED, reason: "API_KEY_REFUSED" });
      stranger.close();
    }
  });
});
