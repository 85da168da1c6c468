import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../../test/helpers/eventually.js";
import { NATS_PROGRAMS } from "../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { askJetStream } from "./apiRequest.js";
import { Bus, type BusMessage } from "./bus.js";
import { History } from "./history.js";
import { makeHeaders, type PublishHeaders } from "./publishHeaders.js";
import type { RangeRead } from "./range.js";
import type { StoredMessage } from "./storedMessage.js";
import { namespaceStream } from "./streamSpec.js";
import { fetchStreamInfo } from "./streamInfo.js";

const LIMITS = { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 };
let count = 0;

describe.each(NATS_PROGRAMS)("history, on nats-server $version", ({ program, isNew }) => {
  let nats: NatsServer;
  let bus: Bus;
  let name: string;
  let history: History;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    name = `h${String(++count)}`;
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    history = new History(bus, name);
  });
  afterEach(() => bus.close());

  const subject = (channel = "x"): string => `halley.pub.${name}.${channel}`;
  const create = (limits = {}): Promise<unknown> => askJetStream(bus, `STREAM.CREATE.HALLEY_${name}`, namespaceStream(name, { ...LIMITS, ...limits }, 1));
  /** Publishes "1", "2", …, every second message on another channel; gives the sequences of ours. */
  const publish = async (messages: number): Promise<number[]> => {
    const { lastSequence: before } = await fetchStreamInfo(bus, history.stream);
    for (let n = 1; n <= messages; n++) {
      bus.publish(subject("other"), Buffer.from("-"));
      bus.publish(subject(), Buffer.from(String(n)));
    }
    await eventually(async () => (await fetchStreamInfo(bus, history.stream)).lastSequence === before + 2 * messages);
    return Array.from({ length: messages }, (_, at) => before + 2 * (at + 1));
  };
  const read = (from: number, to: number, { maxMessages = 1e9, maxBytes = 1e9 } = {}): Promise<RangeRead> => history.read({ subject: subject(), from, to, maxMessages, maxBytes });
  const sequences = ({ messages }: RangeRead): number[] => messages.map(({ sequence }) => sequence);

  it.each([0, 1, 23, 24, 25, 26, 600, 2_000])("reads all %i messages of a channel, in order", async (messages) => {
    await create();
    const stored = await publish(messages);
    const to = 2 * messages + 100;
    const whole = await read(1, to);
    expect(sequences(whole)).toEqual(stored);
    expect(whole.readTo).toBe(to);
    expect(whole.messages.map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(stored.map((_, at) => at + 1));
    expect(whole.messages.every((message) => message.subject === subject() && Math.abs(message.timeMs - Date.now()) < 60_000)).toBe(true);
  });

  it.runIf(!isNew)("reads also where the server that answers is older than the one it is connected with (played by one before 2.11)", async () => {
    await create();
    const stored = await publish(30);
    vi.spyOn(bus, "serverVersion", "get").mockReturnValue("2.11.0");
    expect(sequences(await read(1, 60))).toEqual(stored);
  });

  it.runIf(isNew)("doesn't say that it has read what it had no room for (of answers of many: 2.11 or newer)", async () => {
    await create();
    await publish(3);
    await expect(read(1, 6, { maxBytes: 0 })).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  it("reads no more than the range", async () => {
    await create();
    const stored = await publish(100);
    const [from, to] = [stored[10]!, stored[79]!];
    expect(sequences(await read(from, to))).toEqual(stored.slice(10, 80));
    expect(await read(from + 1, to - 1)).toMatchObject({ readTo: to - 1 });
    expect(sequences(await read(from + 1, to - 1))).toEqual(stored.slice(11, 79));
    expect(await read(from + 1, from + 1)).toMatchObject({ messages: [], readTo: from + 1 });
  });

  it("stops at the limits, says how far it came, and goes on from there", async () => {
    await create();
    const stored = await publish(120);
    const first = await read(1, 1_000, { maxMessages: 50 });
    expect([sequences(first), first.readTo]).toEqual([stored.slice(0, 50), stored[49]]);
    const second = await read(first.readTo + 1, 1_000, { maxMessages: 500 });
    expect([sequences(second), second.readTo]).toEqual([stored.slice(50), 1_000]);
    // Payloads of 1, 2 and 3 digits.
    const bytes = await read(1, 1_000, { maxBytes: 9 + 2 * 40 });
    expect(sequences(bytes)).toEqual(stored.slice(0, 49));
    expect(await read(1, stored[2]!, { maxMessages: 3 })).toMatchObject({ readTo: stored[2] });
  });

  it("reads at least one message, however large", async () => {
    await create();
    for (let n = 0; n < 30; n++) bus.publish(subject(), Buffer.alloc(100_000, n));
    const [{ messages }, rest] = [await read(1, 30, { maxBytes: 1 }), await read(2, 30, { maxBytes: 2_600_000 })];
    expect([messages.length, sequences(rest)]).toEqual([1, Array.from({ length: 26 }, (_, at) => at + 2)]);
  });

  it("says that a range was read in one answer with the message before it, where servers give that", async () => {
    await create();
    const stored = await publish(120);
    const anchor = isNew ? { count: 20 } : undefined;
    expect((await read(stored[100]! + 1, 1_000)).anchor).toEqual(anchor);
    expect((await read(stored[100]! + 1, stored[110]!)).anchor).toEqual(anchor);
    expect(await read(stored[100]! + 1, 1_000, { maxMessages: 5 })).toMatchObject({ readTo: stored[105], ...(isNew ? { anchor } : {}) });
    // No message of the channel, none at all, and an answer that was not enough.
    expect((await read(stored[100]!, 1_000)).anchor).toBeUndefined();
    expect((await read(1, 1_000)).anchor).toBeUndefined();
    for (let n = 0; n < 4; n++) await bus.request(subject(), Buffer.alloc(100_000, n), 5_000);
    expect(await read(stored[119]! + 1, 1_000)).toMatchObject({ messages: [{}, {}, {}, {}], anchor: undefined });
  });

  it("takes nothing that the leader had to add for a part of the answer", async () => {
    await create();
    await publish(3);
    vi.spyOn(history, "firstFrom").mockResolvedValueOnce({ sequence: 8, data: new Uint8Array() } as StoredMessage);
    expect(await read(3, 10)).toMatchObject({ messages: [{ sequence: 4 }, { sequence: 6 }, { sequence: 8 }], readTo: 10, anchor: undefined });
    vi.restoreAllMocks();
  });

  it("asks the leader for the first and the last message, and counts", async () => {
    await create({ messages: 5 });
    expect([await history.lastOf(subject()), await history.firstFrom(subject(), 1), (await history.countOf(subject())).count]).toEqual([undefined, undefined, 0]);
    const stored = await publish(8);
    expect((await history.lastOf(subject()))?.sequence).toBe(stored[7]);
    expect((await history.firstFrom(subject(), 1))?.sequence).toBe(stored[3]);
    expect((await history.firstFrom(subject(), stored[4]! + 1))?.sequence).toBe(stored[5]);
    expect(await history.firstFrom(subject(), stored[7]! + 1)).toBeUndefined();
    expect(await history.countOf(subject())).toEqual({ name: history.stream, count: 5, lastSequence: (await history.infoAfterNow()).lastSequence });
    expect((await history.firstOfStreamFrom(1))?.sequence).toBe(stored[3]! - 1);
  });

  it("says of a stream what proofs need, and another epoch for another stream", async () => {
    await create({ messages: 5, ageMs: 60_000 });
    expect(await history.infoAfterNow()).toMatchObject({ lastSequence: 0, maxAgeMs: 60_000, maxMessagesPerSubject: 5 });
    await publish(8);
    const before = await history.infoAfterNow();
    expect([before.firstSequence, before.lastSequence]).toEqual([7, 16]);
    await askJetStream(bus, `STREAM.DELETE.HALLEY_${name}`, undefined);
    await expect(history.infoAfterNow()).rejects.toMatchObject({ errorCode: 10059 });
    await create({ messages: 5, ageMs: 60_000 });
    expect((await history.infoAfterNow()).epoch).not.toBe(before.epoch);
  });

  describe("its barrier", () => {
    it("is refused (10060), stores nothing, and comes behind everything that was stored before it", async () => {
      await create();
      const backend = await Bus.connect({ servers: [nats.url], name: "backend", log: silentLog });
      for (let round = 1; round <= 20; round++) {
        const seen: string[] = [];
        const live = bus.subscribe(`halley.out.${name}.x`, ({ data }) => seen.push(Buffer.from(data).toString()));
        await bus.flush();
        for (let n = 0; n < 50; n++) backend.publish(subject(), Buffer.from(String(n)));
        await backend.request(subject(), "last", 5_000);
        await history.barrier();
        expect(seen.at(-1)).toBe("last");
        expect((await fetchStreamInfo(bus, history.stream)).lastSequence).toBe(round * 51);
        live.unsubscribe();
      }
      await backend.close();
    });

    it("is retryable where there is no stream, or one that takes it", async () => {
      await expect(history.barrier()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
      const odd = bus.subscribe(`halley.pub.${name}.$tick`, (message) => { message.respond(Buffer.from('{"stream":"x","seq":1}')); });
      await bus.flush();
      await expect(history.barrier()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
      odd.unsubscribe();
    });
  });

  describe("facts about NATS that the gap rule leans on", () => {
    const places = async (act: () => Promise<void>): Promise<(readonly [number, number])[]> => {
      const seen: BusMessage[] = [];
      const live = bus.subscribe(`halley.out.${name}.x`, (message) => seen.push(message));
      await bus.flush();
      await act();
      await history.barrier();
      live.unsubscribe();
      return seen.map(({ headers }) => [Number(headers?.last("Nats-Sequence")), Number(headers?.last("Nats-Last-Sequence"))] as const);
    };
    const store = async (channel = "x", headers?: PublishHeaders): Promise<void> => {
      await bus.request(subject(channel), "1", 5_000, headers);
    };

    it("a republished message names its sequence and that of the one before it on its subject", async () => {
      await create();
      expect(await places(async () => { for (const channel of ["x", "y", "x", "y", "y", "x"]) await store(channel); })).toEqual([[1, 0], [3, 1], [6, 3]]);
    });

    it("the one before it is the one that is still stored: limits take the oldest", async () => {
      await create({ messages: 1 });
      expect(await places(async () => { for (let n = 0; n < 3; n++) await store(); })).toEqual([[1, 0], [2, 1], [3, 2]]);
    });

    it("a publisher's own Nats-* headers are overruled by the last value", async () => {
      await create();
      await store();
      const forged = makeHeaders({ "Nats-Sequence": "999", "Nats-Last-Sequence": "0", "Nats-Subject": "halley.pub.other", "Nats-Stream": "other" });
      expect(await places(() => store("x", forged))).toEqual([[2, 1]]);
      expect(await read(1, 2)).toMatchObject({ messages: [{ sequence: 1, subject: subject() }, { sequence: 2, subject: subject() }] });
    });

    it("single messages can't be deleted, nor the stream purged", async () => {
      await create();
      await store();
      await expect(askJetStream(bus, `STREAM.MSG.DELETE.${history.stream}`, { seq: 1 })).rejects.toThrow();
      await expect(askJetStream(bus, `STREAM.PURGE.${history.stream}`, undefined)).rejects.toThrow();
    });
  });

  it("rejects at once while the connection is down", async () => {
    await create();
    await nats.stop();
    await eventually(() => !bus.connected);
    await expect(history.lastOf(subject())).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(history.barrier()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(history.infoAfterNow()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await nats.start();
    await eventually(() => bus.connected);
    expect(await read(1, 10)).toEqual({ messages: [], readTo: 10 });
  });
});
