import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { silentLog } from "../../lib/log.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { startTestPublish, TestPublisher, toChannel } from "../../test/helpers/publishService.js";
import type { RunningPublish } from "./start.js";

describe("epochs", () => {
  let nats: NatsServer;
  let running: RunningPublish[];
  let publisher: TestPublisher;
  let bus: Bus;

  beforeAll(async () => {
    nats = await startNatsServer();
    running = await Promise.all([startTestPublish(nats.url), startTestPublish(nats.url)]);
    await Promise.all(running.map(({ ready }) => ready));
    publisher = new TestPublisher(running[0]!.port);
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterAll(async () => {
    publisher.close();
    await bus.close();
    for (const one of running) await one.stop();
    await nats.remove();
  });

  const raise = async (namespace: string, disproved: string): Promise<{ epoch?: string; error?: string }> => {
    const answer = await bus.request(`halley.epoch.${namespace}`, disproved, 5_000);
    return JSON.parse(Buffer.from(answer.data).toString()) as { epoch?: string; error?: string };
  };
  const epochOf = async (channel: string): Promise<string | undefined> => (await publisher.publish(toChannel(channel))).position?.epoch;

  it("are raised on request, once, however many ask for the same one", async () => {
    const before = (await epochOf("chat.x")) ?? "";
    const answers = await Promise.all(Array.from({ length: 6 }, () => raise("chat", before)));
    const epochs = new Set(answers.map(({ epoch }) => epoch));
    expect(epochs.size).toBe(1);
    expect(epochs.has(before)).toBe(false);
    expect(await raise("chat", before)).toEqual(answers[0]);
  });

  it("are not raised again within ten seconds by the one that raised them", async () => {
    const first = await raise("news", "");
    const more = await Promise.all([raise("news", ""), raise("news", ""), raise("news", "")]);
    // Two services share the requests: each raises once at most.
    expect(new Set([first, ...more].map(({ epoch }) => epoch)).size).toBeLessThanOrEqual(2);
  });

  it("exist for namespaces with history only", async () => {
    expect(await raise("live", "")).toEqual({ error: "'live' has no history" });
    expect(await raise("nowhere", "")).toEqual({ error: "'nowhere' has no history" });
  });
});
