import { performance } from "node:perf_hooks";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NATS_PROGRAMS } from "../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { History } from "./history.js";
import type { RangeRead } from "./range.js";
import { namespaceStream } from "./streamSpec.js";

const LIMITS = { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 };

describe.each(NATS_PROGRAMS)("many answers at a time, on nats-server $version", ({ program }) => {
  let nats: NatsServer;
  const buses: Bus[] = [];
  const connect = async (): Promise<Bus> => {
    const bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    buses.push(bus);
    return bus;
  };
  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  afterEach(async () => { for (const bus of buses.splice(0)) await bus.close(); });

  const subject = (namespace: string): string => `halley.pub.${namespace}.x`;
  const fill = async (namespace: string, messages: number, bytes: number): Promise<void> => {
    const bus = await connect();
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${namespace}`, namespaceStream(namespace, LIMITS, 1));
    const payload = new Uint8Array(bytes).fill(120);
    for (let n = 0; n < messages; n++) await bus.request(subject(namespace), payload, 5_000);
  };
  const slowConsumers = async (): Promise<number> => {
    const page = await fetch(`http://127.0.0.1:${String(nats.monitorPort)}/varz`);
    return ((await page.json()) as { slow_consumers: number }).slow_consumers;
  };
  const read = (bus: Bus, namespace: string): Promise<RangeRead> => new History(bus, namespace).read({ subject: subject(namespace), from: 1, to: 20, maxMessages: 20, maxBytes: 1e6 });
  const block = (ms: number): void => {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
  };

  it.each([["two namespaces", ["a1", "a2"], 15_000], ["one of large messages", ["b1"], 180_000]] as const)("don't make the server drop a connection whose process is busy: %s", async (_, namespaces, bytes) => {
    for (const namespace of namespaces) await fill(namespace, 20, bytes);
    const bus = await connect();
    const reads = namespaces.flatMap((namespace) => Array.from({ length: 256 }, () => read(bus, namespace)));
    await new Promise((resolve) => { setImmediate(resolve); });
    block(1_500);
    for (const { messages } of await Promise.all(reads)) expect(messages.length).toBeGreaterThan(0);
    expect(await slowConsumers()).toBe(0);
  }, 60_000);

  it("end at once with the connection that they were asked over", async () => {
    await fill("c1", 20, 1_000);
    const bus = await connect();
    nats.process.kill("SIGSTOP");
    const reads = Array.from({ length: 20 }, () => read(bus, "c1").then(() => Infinity, () => performance.now()));
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    await nats.stop(true);
    const goneMs = performance.now();
    for (const end of await Promise.all(reads)) expect(end - goneMs).toBeLessThan(1_000);
    await nats.start();
  });
});
