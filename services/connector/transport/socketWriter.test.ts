import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { readMessages } from "../../../test/helpers/readMessages.js";
import { silentLog } from "../../../lib/log.js";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import { Batch } from "../channel/batch.js";
import { Publication } from "../channel/publication.js";
import { CLOSE } from "../protocol/closeCodes.js";
import { jsonCodec } from "../protocol/jsonCodec.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import { Flusher } from "./flusher.js";
import { SocketWriter } from "./socketWriter.js";

/** The other end of a socket, which reads when it is told to. */
class Peer extends Duplex {
  readonly received: Buffer[] = [];
  reads = true;
  #waiting: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received.push(chunk);
    if (this.reads) done();
    else this.#waiting = done;
  }

  override _read(): void {
    // Sends nothing.
  }

  /** Takes what was sent, and one write more at a time. */
  readOne(): void {
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.();
  }

  get offsets(): number[] {
    return readMessages(Buffer.concat(this.received)).flatMap(({ payload }) =>
      payload.toString("utf8").split("\n").flatMap((line) => {
        const { publication } = JSON.parse(line) as { publication?: { offset: number } };
        return publication ? [publication.offset] : [];
      }),
    );
  }
}

const SIZE = 1_000;
const publication = (offset: number, size = SIZE): Publication =>
  new Publication({ channel: "chat.x", offset, type: "", payload: new UntypedPayload(JSON.stringify("x".repeat(size))), sender: "", time: "", tags: undefined });
const batch = (offset: number, size = SIZE): Batch => new Batch([publication(offset, size)], offset - 1);
const reply: ServerFrame = { kind: "unsubscribed", id: 1, channel: "x".repeat(SIZE), reason: "" };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(highWaterMark = 1): { peer: Peer; writer: SocketWriter; overruns: () => number; blocks: () => number; faults: () => number } {
  const peer = new Peer({ highWaterMark });
  const flusher = new Flusher(silentLog);
  let overruns = 0;
  let blocked = 0;
  let faults = 0;
  const limits = { queueBytes: 5 * SIZE, replyQueueBytes: 10 * SIZE };
  const writer = new SocketWriter({ socket: peer, flusher, chain: flusher.chainOf(jsonCodec), limits, owner: { onOverrun: () => { overruns += 1; }, onBlocked: () => { blocked += 1; }, onFault: () => { faults += 1; } } });
  return { faults: () => faults, peer, writer, overruns: () => overruns, blocks: () => blocked };
}

describe("socket writer", () => {
  it("says when the socket has not taken all that was written to it", async () => {
    const { peer, writer, blocks } = start(10 * SIZE);
    writer.send(reply);
    await turn();
    expect([blocks(), writer.isBlocked]).toEqual([0, false]);
    peer.reads = false;
    writer.send(reply);
    await turn();
    expect([blocks(), writer.isBlocked]).toEqual([1, true]);
  });

  it.each([
    ["behind what waits", true, ["unsubscribed", "publication", "disconnect"]],
    ["in place of what waits for a socket that takes no more", false, ["unsubscribed", "disconnect"]],
  ])("writes the last frame %s, and nothing after it", async (_, reads, kinds) => {
    const { peer, writer } = start();
    peer.reads = reads;
    writer.send(reply);
    await turn();
    writer.publish(batch(1));
    writer.finish({ kind: "disconnect", close: CLOSE.tooSlow, afterMs: 0 });
    writer.send(reply);
    writer.finish({ kind: "disconnect", close: CLOSE.draining, afterMs: 0 });
    peer.readOne();
    await turn();
    const lines = readMessages(Buffer.concat(peer.received)).flatMap(({ payload }) => payload.toString("utf8").split("\n"));
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object).find((key) => key !== "id"))).toEqual(kinds);
    await writer.drained();
  });

  it("writes everything of one turn as one message", async () => {
    const { peer, writer } = start();
    for (let offset = 1; offset <= 3; offset++) writer.publish(batch(offset));
    writer.send(reply);
    expect(peer.received).toEqual([]);
    await turn();
    expect(peer.received).toHaveLength(1);
    expect(peer.offsets).toEqual([1, 2, 3]);
    expect(writer.queuedBytes).toBe(0);
  });

  it("takes at least one publication, and refuses those past its bound while the socket takes no more", async () => {
    const { peer, writer } = start();
    peer.reads = false;
    expect(writer.publish(batch(1, 20 * SIZE))).toBe(true);
    await turn();
    expect(writer.publish(batch(2))).toBe(false);
    peer.readOne();
    await turn();
    for (let offset = 3; offset <= 20; offset++) writer.publish(batch(offset));
    expect(writer.queuedBytes).toBeLessThan(5 * SIZE + 2 * SIZE);
    const taken = Math.round(writer.queuedBytes / SIZE);
    peer.reads = true;
    await turn();
    expect(peer.offsets).toEqual([1, ...Array.from({ length: taken }, (_, at) => at + 3)]);
  });

  it("takes publications that came together as a whole or not at all", async () => {
    const { peer, writer } = start();
    peer.reads = false;
    const many = new Batch([publication(1), publication(2), ...Array.from({ length: 8 }, (_, at) => publication(at + 3))], 0);
    expect(writer.publish(many)).toBe(true);
    await turn();
    expect(writer.publish(new Batch([publication(11), publication(12)], 10))).toBe(false);
    peer.readOne();
    await turn();
    expect(peer.offsets).toEqual(Array.from({ length: 10 }, (_, at) => at + 1));
  });

  it("is overrun by replies that are not read, not by those that are", async () => {
    const { peer, writer, overruns } = start();
    for (let count = 0; count < 100; count++) {
      writer.send(reply);
      if (count % 5 === 4) await turn();
    }
    expect(overruns()).toBe(0);
    peer.reads = false;
    writer.send(reply);
    await turn();
    for (let count = 0; count < 8; count++) writer.send(reply);
    expect(overruns()).toBe(0);
    writer.send(reply);
    expect(overruns()).toBe(1);
  });

  it("tells of its draining once the socket has taken everything, not before", async () => {
    const { peer, writer } = start();
    peer.reads = false;
    for (let offset = 1; offset <= 3; offset++) writer.publish(batch(offset));
    await turn();
    for (let offset = 4; offset <= 5; offset++) writer.publish(batch(offset));
    expect(writer.congested).toBe(true);
    let drained = false;
    const waiting = writer.drained().then(() => { drained = true; });
    peer.readOne();
    await turn();
    expect([drained, peer.received.length]).toEqual([false, 2]);
    peer.readOne();
    await waiting;
    expect([writer.congested, writer.queuedBytes]).toEqual([false, 0]);
    expect(peer.offsets).toEqual([1, 2, 3, 4, 5]);
  });

  it("tells of its draining where the socket was never full", async () => {
    const { writer } = start(1_000_000);
    writer.publish(batch(1));
    const waiting = writer.drained();
    await turn();
    await waiting;
  });

  it("is congested only while it will tell of its draining, however much a socket takes before it is full", async () => {
    const { peer, writer } = start(1_000_000);
    peer.reads = false;
    for (let offset = 1; offset <= 5; offset++) writer.publish(batch(offset));
    await turn();
    expect(writer.queuedBytes).toBeGreaterThan(2.5 * SIZE);
    expect(writer.congested).toBe(false);
    expect(writer.publish(batch(6))).toBe(false);
  });

  it("tells its owner of what could not be written, and writes a last frame when that has gone", async () => {
    const { peer, writer, faults } = start();
    const write = peer.write.bind(peer);
    peer.write = () => { throw new Error("for this test"); };
    writer.publish(batch(1));
    await turn();
    expect(faults()).toBe(1);
    peer.write = write;
    writer.publish(batch(2));
    writer.drop();
    writer.finish({ kind: "disconnect", close: CLOSE.fault, afterMs: 0 });
    await turn();
    const lines = readMessages(Buffer.concat(peer.received)).flatMap(({ payload }) => payload.toString("utf8").split("\n"));
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ disconnect: { code: 3005, reconnect: true } }]);
  });

  it("drops what waits when it ends, and tells those who wait", async () => {
    const { peer, writer } = start();
    peer.reads = false;
    writer.publish(batch(1));
    await turn();
    writer.publish(batch(2));
    const waiting = writer.drained();
    writer.end();
    writer.end();
    await waiting;
    await writer.drained();
    expect(writer.publish(batch(3))).toBe(false);
    writer.send(reply);
    peer.reads = true;
    peer.readOne();
    await turn();
    expect(peer.offsets).toEqual([1]);
  });
});
