import { makeHeaders } from "../../../lib/bus/publishHeaders.js";
import { createConnection, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ChannelRig, type RigOptions } from "../../../test/helpers/channelRig.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { NATS_PROGRAMS } from "../../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { startTcpProxy } from "../../../test/helpers/tcpProxy.js";
import type { Position } from "../protocol/position.js";
import type { Chunk } from "./channel.js";
import type { StoredChannel } from "./storedChannel.js";

const LIMITS = { chunkMessages: 1_000, chunkBytes: 128 * 1024 };

describe.each(NATS_PROGRAMS)("stored channel, on nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  afterEach(() => rig.stop());

  const start = async (options: RigOptions = {}): Promise<ChannelRig> => (rig = await ChannelRig.start([nats.url], options));

  it("delivers in order what is published", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    for (let n = 1; n <= 5; n++) await rig.publish(n);
    await eventually(() => listener.heard.length === 5);
    expect(listener.heard).toEqual([1, 2, 3, 4, 5]);
    expect(channel.position).toEqual({ offset: listener.offsets.at(-1), epoch: rig.feed.epoch });
  });

  it("reads a hole from the stream before anything newer", async () => {
    await start();
    const { listener } = await rig.listen();
    rig.lose(2, 40);
    for (let n = 1; n <= 41; n++) await rig.publish(n);
    await eventually(() => listener.heard.length === 41);
    expect(listener.heard).toEqual(Array.from({ length: 41 }, (_, at) => at + 1));
    expect(rig.repaired).toEqual([39]);
  });

  it("goes on without a reset after a quiet time in which the stream has removed everything else", async () => {
    await start({ history: { bytes: 2 ** 20 } });
    const { listener } = await rig.listen();
    const filler = JSON.stringify("x".repeat(100_000));
    for (let n = 0; n < 12; n++) await rig.store(filler, "other");
    const { firstSequence } = await rig.feed.history.infoAfterNow();
    expect(firstSequence).toBeGreaterThan(1);
    await rig.tick();
    await rig.tick();
    await rig.store(filler, "other");
    await rig.publish(1);
    await eventually(() => listener.heard.length > 0);
    expect(listener.heard).toEqual([1]);
  });

  it("reads a message whose headers can't be parsed once, and is live again", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    const socket = await rawNats(nats.port);
    hpub(socket, `halley.pub.${rig.name()}`, "NATS/1.0\r\nOdd Name(: x\r\n\r\n", '{"n":1}');
    await eventually(() => listener.heard.length === 1);
    await rig.tick();
    const tick = await rig.tick();
    expect(channel.provenWatermark()).toEqual({ offset: tick, epoch: rig.feed.epoch });
    expect(listener.heard).toEqual([1]);
    socket.destroy();
  });

  it.each(["NATS/1.0 503\r\n\r\n", "NATS/1.0 404 No Messages\r\n\r\n", "NATS/1.0 100 Idle\r\n\r\n"])("is not stopped by an empty message with the status line %j", async (block) => {
    await start();
    const { listener } = await rig.listen();
    const socket = await rawNats(nats.port);
    rig.lose(1, 60);
    for (let n = 1; n <= 30; n++) await rig.publish(n);
    hpub(socket, `halley.pub.${rig.name()}`, block, "");
    await eventually(async () => (await rig.feed.history.infoAfterNow()).lastSequence >= 31);
    for (let n = 31; n <= 60; n++) await rig.publish(n);
    await rig.publish(61);
    await eventually(() => listener.heard.length === 61);
    expect(listener.heard).toEqual(Array.from({ length: 61 }, (_, at) => at + 1));
    socket.destroy();
  });

  it("drops live messages past its bound while it is behind, and reads them from the stream", async () => {
    await start({ waitingMessages: 3 });
    const { channel, listener } = await rig.listen();
    await rig.publish(1);
    await eventually(() => listener.heard.length === 1);
    channel.resync();
    for (let n = 2; n <= 30; n++) rig.backend.publish(`halley.pub.${rig.name()}`, Buffer.from(`{"n":${String(n)}}`));
    await eventually(() => listener.heard.length === 30);
    expect(listener.heard).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  });

  it("begins anew when the stream is another one: told, with the new epoch, and nothing of the old one follows", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    for (let n = 1; n <= 20; n++) await rig.publish(n, n % 2 === 0 ? "other" : "x");
    await rig.tick();
    await eventually(() => listener.heard.length === 10);
    const before = channel.position;
    await rig.deleteStream();
    await rig.createStream();
    await rig.publish(100);
    await rig.feed.refresh();
    await eventually(() => listener.heard.includes("HISTORY_CHANGED"));
    expect(channel.position.epoch).not.toBe(before.epoch);
    expect(channel.position.offset).toBeLessThan(before.offset);
    await rig.publish(101);
    await rig.publish(102);
    await eventually(() => listener.heard.includes(102));
    expect(listener.heard.slice(10)).toEqual(["HISTORY_CHANGED", 101, 102]);
    expect(channel.recent(before, LIMITS)).toMatchObject({ continuous: false });
    await rig.tick();
    await eventually(() => channel.provenWatermark());
  });

  it("takes nothing for new that waited since before the stream was another one", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    for (let n = 1; n <= 20; n++) await rig.publish(n);
    await eventually(() => listener.heard.length === 20);
    // Behind, with a message of the old stream in its queue.
    const held: (() => void)[] = [];
    for (let at = 0; at < 256; at++) rig.feed.reads.run(() => new Promise<void>((resolve) => held.push(resolve))).catch(() => undefined);
    channel.resync();
    await rig.publish(21);
    await rig.publish(22);
    await rig.tick();
    await rig.deleteStream();
    await rig.createStream();
    for (const release of held) release();
    await eventually(() => listener.heard.includes("HISTORY_CHANGED"));
    for (let n = 101; n <= 103; n++) await rig.publish(n);
    await eventually(async () => {
      await rig.tick();
      return channel.provenWatermark();
    });
    expect(listener.heard.slice(20)).toEqual(["HISTORY_CHANGED", 101, 102, 103]);
  });

  it("is told when messages came and expired while the connection was gone, of which nothing else tells", async () => {
    const proxy = await startTcpProxy(nats.port);
    rig = await ChannelRig.start([`nats://127.0.0.1:${String(proxy.port)}`], { history: { ageMs: 1_000 }, backendServers: [nats.url] });
    const { channel, listener } = await rig.listen();
    proxy.mode = "refuse";
    proxy.cut();
    await eventually(() => !rig.bus.connected);
    await rig.publish(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    proxy.mode = "pass";
    await eventually(() => listener.heard.length > 0);
    await rig.publish(2);
    await eventually(() => listener.heard.includes(2));
    expect(listener.heard).toEqual(["HISTORY_LOST", 2]);
    expect(channel.position.epoch).toBe(rig.feed.epoch);
    await proxy.stop();
  });

  it("has no watermark while it is behind, and keeps what was proven", async () => {
    await start();
    const { channel } = await rig.listen();
    const tick = await rig.tick();
    await eventually(() => channel.provenWatermark());
    channel.suspend();
    expect(channel.provenWatermark()).toBeUndefined();
    expect(channel.position.offset).toBe(tick);
    await eventually(async () => {
      await rig.tick();
      return channel.provenWatermark();
    });
  });

  it("takes forged places for what they are: nothing of a stream", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    rig.backend.publish(`halley.out.${rig.name()}`, Buffer.from('{"n":666}'));
    rig.backend.publish(`halley.out.${rig.name()}`, Buffer.from('{"n":667}'), { headers: makeHeaders({ "Nats-Sequence": "not a number" }) });
    await rig.backend.flush();
    await rig.publish(1);
    await eventually(() => listener.heard.length > 0);
    expect(listener.heard).toEqual([1]);
    expect(channel.position.offset).toBeLessThan(10);
  });

  it("says that history is lost when its only message may have followed others that are gone", async () => {
    await start({ history: { messages: 5, bytes: 2 ** 20 } });
    const { channel, listener } = await rig.listen();
    rig.lose(1, 3);
    await rig.publish(1);
    const filler = JSON.stringify("x".repeat(100_000));
    for (let n = 0; n < 12; n++) await rig.store(filler, `other${String(n)}`);
    expect((await rig.feed.history.infoAfterNow()).firstSequence).toBeGreaterThan(1);
    await rig.publish(4);
    await eventually(() => listener.heard.includes(4));
    expect(listener.heard).toEqual(["HISTORY_LOST", 4]);
    expect(channel.recent({ offset: 0, epoch: rig.feed.epoch }, LIMITS)).toBeUndefined();
    expect(await channel.recover({ offset: 0, epoch: rig.feed.epoch }, LIMITS)).toMatchObject({ continuous: false, publications: [] });
  });

  it("says so, too, when a hole is deeper than the limit of the channel", async () => {
    await start({ history: { messages: 5 } });
    const { listener } = await rig.listen();
    const first = await rig.publish(0);
    await eventually(() => listener.heard.length === 1);
    rig.lose(1, 9);
    const sequences: number[] = [];
    for (let n = 1; n <= 10; n++) sequences.push(await rig.publish(n));
    await eventually(() => listener.heard.includes(10));
    expect(listener.heard).toEqual([0, "HISTORY_LOST", 10]);
    // Nothing is said to those who stand above the first and have read what is above them.
    expect(listener.holes).toEqual([{ above: first, upTo: sequences[8] }]);
  });

  it("tells the tombstone of a history that is cleared, and reads nothing across it", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    const before = await rig.publish(1);
    await rig.store("", "x", makeHeaders({ "Halley-Control": "tombstone" }));
    await rig.publish(2);
    await eventually(() => listener.heard.length === 3);
    expect(listener.heard).toEqual([1, "HISTORY_CLEARED", 2]);
    expect(await channel.recover({ offset: before, epoch: rig.feed.epoch }, LIMITS)).toMatchObject({ continuous: false });
  });

  it("is given what it missed by the stream when the connection comes back", async () => {
    await start();
    const { channel, listener } = await rig.listen();
    await rig.publish(1);
    await eventually(() => listener.heard.length === 1);
    rig.lose(2, 5);
    for (let n = 2; n <= 5; n++) await rig.publish(n);
    expect(listener.heard).toEqual([1]);
    channel.suspend();
    await eventually(() => listener.heard.length === 5);
    await rig.publish(6);
    await eventually(() => listener.heard.length === 6);
    expect(listener.heard).toEqual([1, 2, 3, 4, 5, 6]);
  });

  describe("asked for what follows a position", () => {
    const five = async (options: RigOptions = {}): Promise<{ channel: StoredChannel; before: Position; offsets: number[]; at: (offset: number) => Position }> => {
      await start(options);
      const { channel, listener } = await rig.listen();
      // Behind the feed's own tick where that was the first.
      const before = channel.position;
      for (let n = 1; n <= 5; n++) await rig.publish(n);
      await eventually(() => listener.heard.length === 5);
      return { channel, before, offsets: listener.offsets, at: (offset) => ({ offset, epoch: rig.feed.epoch }) };
    };
    const offsetsOf = (chunk: Chunk | undefined): number[] | undefined => chunk?.publications.map(({ offset }) => offset);

    it("answers from memory, in pieces that end where the next begins", async () => {
      const { channel, before, offsets, at } = await five();
      expect(offsetsOf(channel.recent(before, LIMITS))).toEqual(offsets);
      const piece = channel.recent(before, { ...LIMITS, chunkMessages: 2 });
      expect([offsetsOf(piece), piece?.position]).toEqual([offsets.slice(0, 2), at(offsets[1]!)]);
      expect(channel.recent(at(offsets[4]!), LIMITS)).toEqual({ publications: [], position: channel.position, continuous: true });
      expect(channel.recent(at(offsets[3]!), LIMITS)?.position).toEqual(channel.position);
    });

    it("reads what memory doesn't hold, once for all who ask at the same time, and holds it then", async () => {
      await start();
      for (let n = 1; n <= 5; n++) await rig.publish(n);
      const { channel } = await rig.listen();
      const position = { offset: 0, epoch: rig.feed.epoch };
      expect(channel.recent(position, LIMITS)).toBeUndefined();
      const [one, two] = await Promise.all([channel.recover(position, LIMITS), channel.recover(position, LIMITS)]);
      expect([offsetsOf(one), one.continuous]).toEqual([[1, 2, 3, 4, 5], true]);
      // The feed asks for a tick of its own, which may have come already.
      expect([5, 6]).toContain(one.position.offset);
      expect(two.publications[0]).toBe(one.publications[0]);
      expect(offsetsOf(channel.recent(position, LIMITS))).toEqual([1, 2, 3, 4, 5]);
    });

    it("keeps nothing of it once it is closed", async () => {
      await start();
      for (let n = 1; n <= 5; n++) await rig.publish(n);
      const { channel } = await rig.listen();
      const reading = channel.recover({ offset: 0, epoch: rig.feed.epoch }, LIMITS);
      channel.close();
      await reading;
      expect(rig.budget.bytes).toBe(0);
    });

    it("proves nothing of another epoch, nor of the future", async () => {
      const { channel, at } = await five();
      expect(channel.recent({ offset: 5, epoch: "another" }, LIMITS)).toMatchObject({ continuous: false, position: channel.position });
      expect(channel.recent(at(1_000), LIMITS)).toBeUndefined();
      expect(await channel.recover(at(1_000), LIMITS)).toMatchObject({ continuous: false, position: channel.position });
    });

    it("believes a position that another connector has proven", async () => {
      const { channel, at } = await five();
      const later = await rig.publish(1, "other");
      expect(await channel.recover(at(later), LIMITS)).toEqual({ publications: [], position: at(later), continuous: true });
    });

    it("takes nothing that it read of the stream before for a witness of the present one", async () => {
      await start();
      for (let n = 1; n <= 5; n++) await rig.publish(n);
      const { channel } = await rig.listen();
      const { history, epoch } = rig.feed;
      const read = history.read.bind(history);
      vi.spyOn(history, "read").mockImplementationOnce(async (range) => {
        const answer = await read(range);
        await rig.deleteStream();
        await rig.createStream();
        await rig.feed.refresh();
        return answer;
      });
      await channel.recover({ offset: 0, epoch }, LIMITS);
      // Were it one, the present stream would have lost it, and a new epoch would be asked of somebody who isn't here.
      await expect(rig.feed.refresh()).resolves.toBeUndefined();
    });

    it("knows at once that the stream is another one, also when it opens", async () => {
      await five();
      const before = rig.feed.epoch;
      await rig.deleteStream();
      await rig.createStream();
      for (let n = 101; n <= 105; n++) await rig.publish(n);
      const { channel } = await rig.listen("x");
      expect(channel.position.epoch).not.toBe(before);
      expect(channel.recent({ offset: 5, epoch: before }, LIMITS)).toMatchObject({ continuous: false });
    });
  });
});

/** A connection to NATS that sends what it is told, valid or not. */
async function rawNats(port: number): Promise<Socket> {
  const socket = createConnection({ host: "127.0.0.1", port });
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"test","version":"0"}\r\n');
  return socket;
}

function hpub(socket: Socket, subject: string, block: string, payload: string): void {
  socket.write(`HPUB ${subject} ${String(block.length)} ${String(block.length + payload.length)}\r\n${block}${payload}\r\n`);
}
