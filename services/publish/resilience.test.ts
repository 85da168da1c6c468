import { cpSync, rmSync } from "node:fs";
import { credentials, status } from "@grpc/grpc-js";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HealthClient } from "../../gen/health/v1/health.js";
import { askJetStream } from "../../lib/bus/apiRequest.js";
import { Bus } from "../../lib/bus/bus.js";
import type { ApiStreamInfo } from "../../lib/bus/streamInfo.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { startMutableProxy } from "../../test/helpers/mutableProxy.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { type CallFailure, promised, startTestPublish, TestPublisher, toChannel } from "../../test/helpers/publishService.js";
import { backUp, restore } from "../../test/helpers/streamBackup.js";
import { NatsInterposer } from "../../stress/world/natsInterposer.js";
import type { RunningPublish } from "./start.js";

describe("publish, when things go wrong", () => {
  const cleanUps: (() => Promise<void> | void)[] = [];
  let nats: NatsServer;

  beforeEach(async () => { nats = await startNatsServer(); });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await nats.remove();
  });

  const start = async (url = nats.url): Promise<{ running: RunningPublish; publisher: TestPublisher }> => {
    const running = await startTestPublish(url);
    cleanUps.push(() => running.stop());
    const publisher = new TestPublisher(running.port);
    cleanUps.push(() => { publisher.close(); });
    return { running, publisher };
  };
  const connectBus = async (): Promise<Bus> => {
    const bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    cleanUps.push(() => bus.close());
    return bus;
  };
  const readyz = async ({ opsPort }: RunningPublish): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${String(opsPort)}/readyz`);
    return `${String(answer.status)} ${await answer.text()}`;
  };
  const health = ({ port }: RunningPublish): Promise<number> => {
    const client = new HealthClient(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    return promised<{ status: number }>((done) => client.check({ service: "halley.v1.PublishService" }, done)).then((answer) => answer.status).finally(() => { client.close(); });
  };
  const stored = async (bus: Bus): Promise<string[]> => {
    const { state } = await askJetStream<ApiStreamInfo>(bus, "STREAM.INFO.HALLEY_chat", undefined);
    const texts: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const { message } = await askJetStream<{ message: { data: string } }>(bus, "STREAM.MSG.GET.HALLEY_chat", { seq });
      texts.push(Buffer.from(message.data, "base64").toString());
    }
    return texts;
  };

  it("waits where a stream doesn't answer after it was checked: it may be electing its leader", async () => {
    const interposer = await NatsInterposer.start(nats.port);
    cleanUps.push(() => interposer.stop());
    let answers = 0;
    const loses = (at: number): void => {
      answers = 0;
      interposer.decide = (subject) => (subject.startsWith("_INBOX.") && ++answers === at ? "drop" : "pass");
    };
    // The first makes the streams, the second only looks at them, and so does every other one.
    for (let starts = 0; starts < 2; starts++) {
      loses(0);
      const before = await startTestPublish(interposer.url);
      await before.ready;
      await before.stop();
    }
    loses(answers);
    const { running, publisher } = await start(interposer.url);
    await running.ready;
    expect(interposer.touched).toBe(1);
    await publisher.publish(toChannel("chat.a"));
  }, 20_000);

  it("comes up with two others at the same moment, and all can publish", async () => {
    const services = await Promise.all([start(), start(), start()]);
    await Promise.all(services.map(({ running }) => running.ready));
    const answers = await Promise.all(services.map(({ publisher }) => publisher.publish(toChannel("chat.x"))));
    expect(answers.map(({ position }) => position?.offset).sort()).toEqual([1, 2, 3]);
    expect(new Set(answers.map(({ position }) => position?.epoch)).size).toBe(1);
  });

  it("waits for a NATS that is not there yet", async () => {
    await nats.stop();
    const { running, publisher } = await start();
    expect(await readyz(running)).toBe("503 nats: NATS has not answered yet\n");
    expect(await health(running)).toBe(2);
    await expect(publisher.publish(toChannel("chat.x"))).rejects.toMatchObject({ code: status.UNAVAILABLE, reason: "NOT_READY", retryDelay: { seconds: 1, nanos: 0 } });
    await nats.start();
    await running.ready;
    expect(await readyz(running)).toBe("200 ready\n");
    expect(await health(running)).toBe(1);
    await publisher.publish(toChannel("chat.x"));
  });

  it("stops while it still waits for NATS", async () => {
    await nats.stop();
    const { running } = await start();
    const never = expect(running.ready).rejects.toBeDefined();
    await running.stop();
    await never;
  });

  it("says UNAVAILABLE at once while NATS is away, for every kind of namespace, and works again after", async () => {
    const { running, publisher } = await start();
    await running.ready;
    const before = await publisher.publish(toChannel("chat.x", 1));
    await nats.stop();
    await eventually(async () => (await readyz(running)) === "503 nats: disconnected from NATS\n");
    expect(await health(running)).toBe(2);
    for (const channel of ["chat.x", "live.x"]) {
      const startMs = Date.now();
      await expect(publisher.publish(toChannel(channel))).rejects.toMatchObject({ code: status.UNAVAILABLE, reason: "NATS_UNAVAILABLE", retryDelay: { seconds: 1, nanos: 0 } });
      expect(Date.now() - startMs).toBeLessThan(500);
    }
    const { results } = await publisher.publishBatch([toChannel("chat.x"), toChannel("live.x")]);
    expect(results.map(({ outcome }) => outcome?.$case === "error" && outcome.value.code)).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
    await nats.start();
    await eventually(async () => (await health(running)) === 1);
    expect((await publisher.publish(toChannel("chat.x", 2))).position).toEqual({ offset: 2, epoch: before.position?.epoch });
  });

  it("loses nothing that was acknowledged when NATS is killed under traffic, and stores nothing twice", async () => {
    const { running, publisher } = await start();
    await running.ready;
    const acknowledged: string[] = [];
    const failures: CallFailure[] = [];
    const traffic = { on: true, sent: 0 };
    const worker = async (): Promise<void> => {
      while (traffic.on) {
        const text = `m${String(traffic.sent++)}`;
        await publisher.publish(toChannel("chat.x", text), 6_000).then(() => acknowledged.push(JSON.stringify(text)), (error: unknown) => failures.push(error as CallFailure));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const workers = Array.from({ length: 8 }, worker);
    for (let round = 0; round < 2; round++) {
      const before = acknowledged.length;
      await eventually(() => acknowledged.length > before + 300);
      await nats.stop(true);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await nats.start();
    }
    const before = acknowledged.length;
    await eventually(() => acknowledged.length > before + 100);
    traffic.on = false;
    await Promise.all(workers);
    const texts = await stored(await connectBus());
    expect(acknowledged.filter((text) => !texts.includes(text))).toEqual([]);
    expect(new Set(texts).size).toBe(texts.length);
    expect(failures.filter(({ reason }) => reason !== "NATS_UNAVAILABLE")).toEqual([]);
  });

  it("answers as new what only its own retry found stored, and tells connectors to look", async () => {
    const proxy = await startMutableProxy(nats.port);
    cleanUps.push(() => proxy.stop());
    const { running, publisher } = await start(`nats://127.0.0.1:${String(proxy.port)}`);
    await running.ready;
    const bus = await connectBus();
    const nudges: string[] = [];
    bus.subscribe("halley.nudge.>", ({ subject, data }) => { nudges.push(`${subject} ${Buffer.from(data).toString()}`); });
    await bus.flush();
    proxy.muted = true;
    const unary = publisher.publish(toChannel("chat.plain", 1));
    const keyed = publisher.publish(toChannel("chat.keyed", 2, { key: "k" }));
    await eventually(async () => (await stored(bus)).length === 2);
    proxy.cut();
    proxy.muted = false;
    expect((await unary).duplicate).toBe(false);
    expect((await keyed).duplicate).toBe(false);
    expect((await publisher.publish(toChannel("chat.keyed", 2, { key: "k" }))).duplicate).toBe(true);
    expect(await stored(bus)).toHaveLength(2);
    await eventually(() => nudges.length === 2);
    expect(nudges.sort()).toEqual(["halley.nudge.chat.keyed 2", "halley.nudge.chat.plain 1"]);
  });

  it("gives up within five seconds, or the caller's deadline, when NATS is silent", async () => {
    const proxy = await startMutableProxy(nats.port);
    cleanUps.push(() => proxy.stop());
    const { running, publisher } = await start(`nats://127.0.0.1:${String(proxy.port)}`);
    await running.ready;
    proxy.muted = true;
    const startMs = Date.now();
    const failed = (channel: string, deadlineMs: number): Promise<unknown> => publisher.publish(toChannel(channel), deadlineMs).catch((error: unknown) => [(error as CallFailure).code, Math.round((Date.now() - startMs) / 1_000)]);
    const failures = await Promise.all([failed("chat.x", 1_000), failed("chat.x", 20_000), failed("live.x", 20_000)]);
    expect(failures[0]).toEqual([status.DEADLINE_EXCEEDED, 1]);
    expect(failures.slice(1)).toEqual([[status.UNAVAILABLE, 5], [status.UNAVAILABLE, 5]]);
  });

  it("raises the epoch when NATS comes back with an older state of the stream", async () => {
    const { running, publisher } = await start();
    await running.ready;
    await publisher.publish(toChannel("chat.x", 1));
    await nats.stop();
    const backup = `${nats.storeFolder}.backup`;
    cpSync(nats.storeFolder, backup, { recursive: true });
    await nats.start();
    await eventually(async () => (await health(running)) === 1);
    const before = await publisher.publish(toChannel("chat.x", 2));
    await nats.stop();
    rmSync(nats.storeFolder, { recursive: true });
    cpSync(backup, nats.storeFolder, { recursive: true });
    await nats.start();
    await eventually(async () => {
      const { position } = await publisher.publish(toChannel("chat.x", 3));
      return position?.epoch !== before.position?.epoch;
    });
  });

  it("makes the streams again that an emptied NATS has lost", async () => {
    const { running, publisher } = await start();
    await running.ready;
    const before = await publisher.publish(toChannel("chat.x", 1));
    await nats.stop();
    rmSync(nats.storeFolder, { recursive: true });
    await nats.start();
    const after = await eventually(() => publisher.publish(toChannel("chat.x", 2)));
    expect(after.position?.offset).toBe(1);
    await eventually(async () => (await publisher.publish(toChannel("chat.x", 3))).position?.epoch !== before.position?.epoch);
  });

  it("names the epoch that holds in the very first answer of a stream that was made again, or restored, under it", async () => {
    const { running, publisher } = await start();
    await running.ready;
    const operator = await connect({ servers: nats.url });
    cleanUps.push(() => operator.close());
    const epochs = new Set<string | undefined>();
    const publish = async (n: number): Promise<void> => { epochs.add((await publisher.publish(toChannel("chat.x", n))).position?.epoch); };
    await publish(1);
    const backup = await backUp(operator, "HALLEY_chat");
    for (const n of [2, 3, 4]) await publish(n);
    expect(epochs.size).toBe(1);
    await operator.request("$JS.API.STREAM.DELETE.HALLEY_chat");
    await restore(operator, backup);
    await publish(5);
    expect(epochs.size).toBe(2);
    await operator.request("$JS.API.STREAM.DELETE.HALLEY_chat");
    await operator.request("$JS.API.STREAM.CREATE.HALLEY_chat", JSON.stringify(backup.config));
    await publish(6);
    expect(epochs.size).toBe(3);
  });

  it("finishes what is under way when it stops, and takes nothing more", async () => {
    const { running, publisher } = await start();
    await running.ready;
    const underWay = Array.from({ length: 200 }, (_, at) => publisher.publish(toChannel("chat.x", at)));
    await underWay[0];
    await running.stop();
    const outcomes = await Promise.allSettled(underWay);
    const answered = outcomes.filter(({ status: outcome }) => outcome === "fulfilled").length;
    const unavailable: number = status.UNAVAILABLE;
    const refused = outcomes.filter((outcome) => outcome.status === "rejected" && (outcome.reason as CallFailure).code === unavailable).length;
    expect(answered + refused).toBe(200);
    await expect(publisher.publish(toChannel("chat.x"), 1_000)).rejects.toBeDefined();
    expect((await stored(await connectBus())).length).toBeGreaterThanOrEqual(answered);
  });

  it("rejects ready in one sentence where the streams can't be what they must be", async () => {
    const bus = await connectBus();
    await askJetStream(bus, "STREAM.CREATE.HALLEY_chat", { name: "HALLEY_chat", subjects: ["halley.pub.chat.>"], storage: "memory", retention: "limits", num_replicas: 1 });
    const { running } = await start();
    await expect(running.ready).rejects.toThrow(/^JetStream refuses the stream HALLEY_chat: /);
    expect(await readyz(running)).toMatch(/^503 /);
  });
});
