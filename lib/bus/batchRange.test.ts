import fc from "fast-check";
import { headers } from "nats";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { type BatchRead, readBatch } from "./batchRange.js";
import { Bus } from "./bus.js";
import { makeHeaders } from "./publishHeaders.js";
import type { StoredMessage } from "./storedMessage.js";

const SUBJECT = "halley.pub.chat.x";
const STREAM = "HALLEY_chat";

interface Question {
  readonly seq: number;
  readonly next_by_subj: string;
  readonly batch: number;
  readonly max_bytes: number;
}

/** A replica that holds a few messages, and may count wrongly, or have some whose headers can't be read. */
class Replica {
  readonly asked: Question[] = [];
  sequences: readonly number[] = [];
  unreadable: ReadonlySet<number> = new Set();
  payloadBytes = 2;
  /** Added to what is left, as it may be where messages expire meanwhile. */
  miscount = 0;
  name = STREAM;
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
    bus.subscribe(`$JS.API.DIRECT.GET.${STREAM}`, ({ reply = "", data }) => { this.#answer(reply, JSON.parse(Buffer.from(data).toString()) as Question); });
  }

  /** As the leader would give it. */
  next(sequence: number): Promise<StoredMessage | undefined> {
    const found = this.sequences.find((one) => one >= sequence);
    return Promise.resolve(found === undefined ? undefined : ({ subject: SUBJECT, sequence: found, data: new Uint8Array(this.payloadBytes) } as unknown as StoredMessage));
  }

  #answer(reply: string, question: Question): void {
    this.asked.push(question);
    const held = this.sequences.filter((one) => one >= question.seq);
    let [previous, bytes, sent] = [0, 0, 0];
    for (const sequence of held.slice(0, question.batch)) {
      this.#send(reply, sequence, previous, held.length - sent - 1);
      previous = sequence;
      sent += 1;
      bytes += SUBJECT.length + this.payloadBytes;
      if (bytes >= question.max_bytes) break;
    }
    const end = sent === 0 ? headers(404, "Message Not Found") : headers(204, "EOB");
    if (sent > 0) {
      end.set("Nats-Num-Pending", String(held.length - sent + this.miscount));
      end.set("Nats-Last-Sequence", String(previous));
    }
    this.#bus.connection.publish(reply, new Uint8Array(), { headers: end });
  }

  #send(reply: string, sequence: number, previous: number, pending: number): void {
    if (this.unreadable.has(sequence)) {
      const block = "NATS/1.0\r\nOdd Name(: x\r\n\r\n";
      const { protocol } = this.#bus.connection as unknown as { protocol: { sendCommand(command: string): void } };
      protocol.sendCommand(`HPUB ${reply} ${String(block.length)} ${String(block.length + 2)}\r\n${block}{}\r\n`);
      return;
    }
    const place = { "Nats-Stream": this.name, "Nats-Subject": SUBJECT, "Nats-Sequence": String(sequence), "Nats-Time-Stamp": "2026-01-01T00:00:00Z", "Nats-Num-Pending": String(pending), "Nats-Last-Sequence": String(previous) };
    this.#bus.publish(reply, new Uint8Array(this.payloadBytes), { headers: makeHeaders(place) });
  }
}

describe("reading a stretch of a channel by one question", () => {
  let nats: NatsServer;
  let bus: Bus;
  let replica: Replica;
  let leader: (sequence: number) => Promise<StoredMessage | undefined>;
  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    replica = new Replica(bus);
    await bus.flush();
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });
  beforeEach(() => {
    replica.asked.length = 0;
    Object.assign(replica, { sequences: [], unreadable: new Set(), payloadBytes: 2, miscount: 0, name: STREAM });
    leader = (sequence) => replica.next(sequence);
  });

  const read = (from: number, to: number, { maxMessages = 1_000, maxBytes = 1_000_000, anchored = false } = {}): Promise<BatchRead> =>
    readBatch({ bus, stream: STREAM, leader: (sequence) => leader(sequence) }, { subject: SUBJECT, from, to, maxMessages, maxBytes }, anchored);
  const sequences = ({ messages, end }: BatchRead): unknown[] => [...messages.map(({ sequence }) => sequence), end];

  it("knows that nothing is behind what it gave where the replica goes on at the range's end or behind it", async () => {
    replica.sequences = [2, 4, 6, 8];
    expect(sequences(await read(1, 6))).toEqual([2, 4, 6, "reached"]);
    expect(sequences(await read(1, 7))).toEqual([2, 4, 6, "reached"]);
    expect(sequences(await read(3, 3))).toEqual(["reached"]);
  });

  it("says where the replica ended, which may lag", async () => {
    replica.sequences = [2, 4];
    expect(sequences(await read(1, 7))).toEqual([2, 4, "ended"]);
    expect(sequences(await read(5, 7))).toEqual(["ended"]);
  });

  it("says that there is more where the range's bounds or the server's end it, and where the replica counts more", async () => {
    replica.sequences = [2, 4, 6, 8];
    expect(sequences(await read(1, 9, { maxMessages: 2 }))).toEqual([2, 4, "more"]);
    expect(sequences(await read(1, 9, { maxBytes: 3 }))).toEqual([2, 4, "more"]);
    replica.miscount = 2;
    expect(sequences(await read(1, 9))).toEqual([2, 4, 6, 8, "more"]);
    replica.payloadBytes = 150_000;
    expect(sequences(await read(1, 8))).toEqual([2, 4, "more"]);
  });

  it("asks for no more than the range, and for 192 KiB at most", async () => {
    replica.sequences = [2];
    await read(1, 3);
    await read(1, 1e9, { maxMessages: 10, maxBytes: 100 });
    await read(1, 9, { maxBytes: 1e9 });
    expect(replica.asked.map(({ batch, max_bytes: bytes }) => [batch, bytes])).toEqual([[3, 196_608], [10, 65_636], [9, 196_608]]);
  });

  it("reads those whose headers can't be read from the leader, and holds them to what the answer says of them", async () => {
    replica.sequences = [2, 4, 6];
    replica.unreadable = new Set([2, 6]);
    expect(sequences(await read(1, 6))).toEqual([2, 4, 6, "reached"]);
    // It has another one there by now.
    leader = (sequence) => replica.next(sequence + 3);
    await expect(read(1, 6)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    leader = () => Promise.resolve(undefined);
    await expect(read(1, 6)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  describe("that begins with the message before it", () => {
    it("gives it as the anchor, with how many the replica holds from it on, and not as a part of the range", async () => {
      replica.sequences = [2, 4, 6, 8];
      expect(await read(5, 6, { anchored: true })).toMatchObject({ messages: [{ sequence: 6 }], end: "reached", anchor: { count: 3 } });
      expect(await read(5, 9, { anchored: true, maxMessages: 1 })).toMatchObject({ messages: [{ sequence: 6 }], end: "more", anchor: { count: 3 } });
      expect(await read(9, 9, { anchored: true })).toMatchObject({ messages: [], end: "ended", anchor: { count: 1 } });
      expect(replica.asked).toMatchObject([{ seq: 4, batch: 3 }, { seq: 4, batch: 2 }, { seq: 8, batch: 2 }]);
    });

    it("gives none where that message is not of the channel, or its headers can't be read, or a mirror answers", async () => {
      replica.sequences = [2, 4, 6, 8];
      expect(await read(4, 6, { anchored: true })).toMatchObject({ messages: [{ sequence: 4 }, { sequence: 6 }], anchor: undefined });
      expect((await read(1, 6, { anchored: true })).anchor).toBeUndefined();
      expect((await read(5, 6)).anchor).toBeUndefined();
      replica.unreadable = new Set([4]);
      expect(await read(5, 6, { anchored: true })).toMatchObject({ messages: [{ sequence: 6 }], anchor: undefined });
      Object.assign(replica, { unreadable: new Set(), name: `${STREAM}_MIRROR` });
      expect(await read(5, 6, { anchored: true })).toMatchObject({ messages: [{ sequence: 6 }], anchor: undefined });
    });

    it("reads on where that message left no room for another", async () => {
      Object.assign(replica, { sequences: [2, 4, 6], payloadBytes: 300_000 });
      expect(await read(3, 6, { anchored: true })).toMatchObject({ messages: [{ sequence: 4 }], end: "more", anchor: undefined });
      expect(replica.asked).toHaveLength(2);
    });
  });

  it("reads, answer by answer, what a scan would", async () => {
    const stored = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    const bounds = fc.record({ from: fc.integer({ min: 1, max: 62 }), to: fc.integer({ min: 1, max: 62 }), maxMessages: fc.integer({ min: 1, max: 50 }), maxBytes: fc.integer({ min: 1, max: 300 }) });
    await fc.assert(
      fc.asyncProperty(stored, bounds, fc.integer({ min: 1, max: 20 }), fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }), async (held, { from, to, ...limits }, payloadBytes, odd) => {
        fc.pre(from <= to);
        Object.assign(replica, { sequences: held.sort((a, b) => a - b), payloadBytes, unreadable: new Set(odd) });
        const { messages, end } = await read(from, to, limits);
        const inRange = held.filter((one) => one >= from && one <= to);
        const room = Math.min(limits.maxMessages, Math.ceil(limits.maxBytes / payloadBytes));
        // One whose headers can't be read is two bytes long here.
        const exact = odd.length === 0;
        if (exact) expect(messages.map(({ sequence }) => sequence)).toEqual(inRange.slice(0, room));
        else expect(messages.map(({ sequence }) => sequence)).toEqual(inRange.slice(0, messages.length));
        if (end !== "more") expect(messages.length).toBe(inRange.length);
        if (end === "more") expect(messages.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});
