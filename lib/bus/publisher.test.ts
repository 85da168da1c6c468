import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.js";
import { silentLog } from "../log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { Publisher, type Stored } from "./publisher.js";
import { makeHeaders } from "./publishHeaders.js";
import type { ApiStreamInfo } from "./streamInfo.js";
import { namespaceStream } from "./streamSpec.js";

const history = { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 };
let count = 0;

describe("publisher", () => {
  let nats: NatsServer;
  let bus: Bus;
  let publisher: Publisher;
  let name: string;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    name = `p${String(++count)}`;
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    publisher = new Publisher(bus, systemClock);
  });
  afterEach(async () => {
    publisher.close();
    await bus.close();
  });

  const createStream = (through = bus): Promise<ApiStreamInfo> => askJetStream(through, `STREAM.CREATE.HALLEY_${name}`, namespaceStream(name, history, 1));
  const info = (): Promise<ApiStreamInfo> => askJetStream<ApiStreamInfo>(bus, `STREAM.INFO.HALLEY_${name}`, undefined);
  const send = (text: string, id = text, deadlineMs = 5_000): Promise<Stored> =>
    publisher.publish({ subject: `halley.pub.${name}.x`, data: Buffer.from(text), headers: makeHeaders({ "Nats-Msg-Id": id }), deadlineMs });
  const texts = async (): Promise<string[]> => {
    const { state } = await info();
    const found: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const { message } = await askJetStream<{ message: { data?: string } }>(bus, `STREAM.MSG.GET.HALLEY_${name}`, { seq });
      found.push(Buffer.from(message.data ?? "", "base64").toString());
    }
    return found;
  };

  it("stores in the order of the calls, with many under way, past the window", async () => {
    await createStream();
    const stored = await Promise.all(Array.from({ length: 20_000 }, (_, at) => send(String(at))));
    // On a busy machine an answer may take so long that the message is sent again, and stands behind later ones.
    const inOrder = stored.filter(({ retried }) => !retried).map(({ sequence }) => sequence);
    expect(inOrder.length).toBeGreaterThan(8_192);
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    expect(stored.map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20_000 }, (_, at) => at + 1));
    expect(stored.some(({ duplicate, retried }) => duplicate && !retried)).toBe(false);
    expect(publisher.unacknowledged).toBe(0);
  });

  it("sends nothing of what was given up in the same turn", async () => {
    await createStream();
    const closed = send("late").catch((error: unknown) => error);
    publisher.close();
    expect(await closed).toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await new Promise((resolve) => { setImmediate(resolve); });
    await bus.flush();
    expect((await info()).state.messages).toBe(0);
  });

  it("tells a message id that was seen before", async () => {
    await createStream();
    const first = await send("a", "id");
    expect(await send("b", "id")).toEqual({ sequence: first.sequence, duplicate: true, retried: false });
  });

  it("waits for a stream that comes within the deadline, and stores each message once", async () => {
    const waiting = [send("a"), send("b"), send("c")];
    // They leave together at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    await createStream();
    const stored = await Promise.all(waiting);
    expect(stored.every(({ retried }) => retried)).toBe(true);
    expect((await texts()).sort()).toEqual(["a", "b", "c"]);
  });

  it("gives up at the deadline", async () => {
    const startMs = Date.now();
    await expect(send("a", "a", 300)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE", retryAfterMs: 1_000 });
    expect(Date.now() - startMs).toBeLessThan(1_000);
    expect(publisher.unacknowledged).toBe(0);
  });

  it("tells JetStream's refusal as INTERNAL, with the refusal as cause", async () => {
    await createStream();
    const headers = makeHeaders({ "Nats-Msg-Id": "a", "Nats-Expected-Stream": "another" });
    const refused = publisher.publish({ subject: `halley.pub.${name}.x`, data: Buffer.from(""), headers, deadlineMs: 5_000 });
    await expect(refused).rejects.toMatchObject({ reason: "INTERNAL", cause: expect.objectContaining({ message: expect.stringContaining("10060") as string }) as Error });
  });

  it("tells what NATS can't take as INTERNAL, and goes on", async () => {
    await createStream();
    await expect(send("x".repeat(3 * 2 ** 20), "large")).rejects.toMatchObject({ reason: "INTERNAL" });
    expect((await send("small")).sequence).toBe(1);
    expect(publisher.unacknowledged).toBe(0);
  });

  it("bounds what is under way and what waits, in messages and bytes, and takes more when it has drained", async () => {
    await createStream();
    const small = new Publisher(bus, systemClock, { window: 4, windowBytes: 1_000, waiting: 8, bytes: 2_000 });
    const put = (bytes: number, id: number): Promise<Stored> =>
      small.publish({ subject: `halley.pub.${name}.x`, data: Buffer.alloc(bytes), headers: makeHeaders({ "Nats-Msg-Id": `${String(bytes)} ${String(id)}` }), deadlineMs: 5_000 });
    const many = Array.from({ length: 12 }, (_, at) => put(1, at));
    await expect(put(1, 12)).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect((await Promise.all(many)).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
    const large = Array.from({ length: 4 }, (_, at) => put(500, at));
    await expect(put(500, 4)).rejects.toMatchObject({ reason: "OVERLOADED", retryAfterMs: 1_000 });
    expect((await Promise.all(large)).map(({ sequence }) => sequence)).toEqual([13, 14, 15, 16]);
    expect((await put(1, 13)).sequence).toBe(17);
    small.close();
  });

  it("brings more bytes through than JetStream's queue takes at a time, in order", async () => {
    await createStream();
    const data = Buffer.alloc(2 ** 20);
    const put = (id: number): Promise<Stored> =>
      publisher.publish({ subject: `halley.pub.${name}.x`, data, headers: makeHeaders({ "Nats-Msg-Id": String(id) }), deadlineMs: 20_000 });
    const stored = await Promise.all(Array.from({ length: 160 }, (_, at) => put(at)));
    expect(stored.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 160 }, (_, at) => at + 1));
  });

  it("rejects what is unacknowledged when it closes", async () => {
    const waiting = send("a");
    publisher.close();
    await expect(waiting).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(send("b")).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  it("fails at once while disconnected, and stores what was under way exactly once after a reconnect", async () => {
    await createStream();
    const acknowledged = new Set<string>();
    const refused = new Set<string>();
    let sent = 0;
    const going = { on: true };
    const traffic = (async () => {
      while (going.on) {
        const text = String(sent++);
        send(text).then(() => acknowledged.add(text), () => refused.add(text));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await eventually(() => acknowledged.size > 100);
    await nats.stop(true);
    await eventually(() => !bus.connected);
    const startMs = Date.now();
    await expect(send("while away")).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect(Date.now() - startMs).toBeLessThan(100);
    await nats.start();
    const before = acknowledged.size;
    await eventually(() => bus.connected && acknowledged.size > before + 100);
    going.on = false;
    await traffic;
    await eventually(() => acknowledged.size + refused.size === sent);
    const stored = await texts();
    expect(new Set(stored).size).toBe(stored.length);
    expect([...acknowledged].filter((text) => !stored.includes(text))).toEqual([]);
  });
});
