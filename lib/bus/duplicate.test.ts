import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { eventually } from "../../test/helpers/eventually.js";
import { silentLog } from "../log.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { type SentMessage, storedByAnother } from "./duplicate.js";
import { makeHeaders } from "./publishHeaders.js";
import { namespaceStream } from "./streamSpec.js";
import { header, subjects } from "./subjects.js";

describe("a duplicate of a retry", () => {
  let nats: NatsServer;
  let bus: Bus;
  let count = 0;
  let channel: string;
  const nudges: string[] = [];

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    bus.subscribe(subjects.nudgeAll, ({ subject, data }) => { nudges.push(`${subject} ${Buffer.from(data).toString()}`); });
    await bus.flush();
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });
  beforeEach(async () => {
    const name = `d${String(++count)}`;
    channel = `${name}.x`;
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${name}`, namespaceStream(name, { messages: 10, ageMs: 3_600_000, bytes: 2 ** 20 }, 1));
  });

  const message = (text: string, key = "k", time = "2026-01-01T00:00:00.000Z"): SentMessage =>
    ({ channel, key, data: Buffer.from(text), headers: makeHeaders({ [header.messageId]: `b ${channel} ${key}`, [header.time]: time }) });
  const store = async ({ data, headers }: SentMessage): Promise<number> => {
    const answer = await bus.request(subjects.publish(channel), data, 5_000, headers);
    return (JSON.parse(Buffer.from(answer.data).toString()) as { seq: number }).seq;
  };
  const LONG_MS = 5_000;

  it("is not what an earlier try of the same publish stored, and connectors are told to look", async () => {
    const sequence = await store(message("a"));
    expect(await storedByAnother(bus, message("a"), sequence, LONG_MS)).toBe(false);
    expect(await storedByAnother(bus, message("a", ""), sequence, LONG_MS)).toBe(false);
    await eventually(() => nudges.length === 2);
    expect(nudges).toEqual(Array(2).fill(`halley.nudge.${channel} ${String(sequence)}`));
  });

  it("is what another publish stored under the same key, of the same content, too", async () => {
    const sequence = await store(message("a"));
    expect(await storedByAnother(bus, message("b"), sequence, LONG_MS)).toBe(true);
    expect(await storedByAnother(bus, message("a", "k", "2026-01-01T00:00:00.001Z"), sequence, LONG_MS)).toBe(true);
    expect(await storedByAnother(bus, { ...message("a"), channel: `${channel}y` }, sequence, LONG_MS)).toBe(true);
  });

  it("is what can't be looked at: gone already, without a stream, no time left", async () => {
    const sequence = await store(message("a"));
    expect(await storedByAnother(bus, message("a"), sequence, 0)).toBe(true);
    for (let n = 0; n < 10; n++) await store(message("b", String(n)));
    expect(await storedByAnother(bus, message("a"), sequence, LONG_MS)).toBe(true);
    expect(await storedByAnother(bus, { ...message("a"), channel: "nothing.x" }, 1, LONG_MS)).toBe(true);
  });

  it("is what no answer comes about within the time that is left", async () => {
    const sequence = await store(message("a"));
    vi.spyOn(bus, "request").mockImplementation((_, __, timeoutMs) => new Promise((_resolve, reject) => { setTimeout(() => { reject(new Error("no answer")); }, timeoutMs); }));
    const startMs = performance.now();
    expect(await storedByAnother(bus, message("a"), sequence, 100)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    vi.restoreAllMocks();
  });
});
