import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ChannelRig, type RigOptions } from "../../../test/helpers/channelRig.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { NATS_PROGRAMS } from "../../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";

const LIMITS = { chunkMessages: 1_000, chunkBytes: 128 * 1024 };

describe.each(NATS_PROGRAMS)("a stored channel that opens, on nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  afterEach(async () => {
    vi.restoreAllMocks();
    await rig.stop();
  });

  const start = async (options: RigOptions = {}): Promise<ChannelRig> => (rig = await ChannelRig.start([nats.url], options));

  it("is without a position to prove where nothing was ever stored, and raises it with the ticks", async () => {
    await start();
    const { channel } = await rig.listen();
    expect(channel.position.epoch).toBe(rig.feed.epoch);
    // The first who looks makes the feed store a tick of its own, which may be here already.
    expect([0, rig.feed.tick]).toContain(channel.position.offset);
    const tick = await rig.tick();
    // Its own may come after this one.
    await eventually(() => channel.position.offset >= tick);
    expect(channel.provenWatermark()).toEqual(channel.position);
  });

  it("asks for nothing but its newest message, the barrier and the stream's state where nothing was ever stored and one server is alone", async () => {
    await start();
    await rig.listen();
    const [count, fence] = [vi.spyOn(rig.feed.history, "countOf"), vi.spyOn(rig.feed.history, "fence")];
    const [last, barrier, info] = [vi.spyOn(rig.feed.history, "lastOf"), vi.spyOn(rig.feed.history, "barrier"), vi.spyOn(rig.feed.history, "infoAfterNow")];
    const { channel } = await rig.listen("empty");
    expect(channel.isOpen).toBe(true);
    // The state twice, shared with all who ask: which history it is, and where it ends.
    expect([count, fence, last, barrier, info].map(({ mock }) => mock.calls.length)).toEqual([0, 0, 1, 1, 2]);
  });

  it.each([
    ["a tick was seen", true],
    ["no tick was seen", false],
  ])("proves nothing where it opens empty, and what it held may have expired: %s", async (_when, isTicked) => {
    await start({ history: { ageMs: 1_000 } });
    const before = await rig.publish(1, "other");
    const missed = await rig.publish(2);
    if (isTicked) await rig.tick();
    await eventually(async () => (await rig.feed.history.infoAfterNow()).firstSequence > missed);
    const { channel, listener } = await rig.listen();
    const position = { offset: before, epoch: rig.feed.epoch };
    expect(channel.recent(position, LIMITS) ?? (await channel.recover(position, LIMITS))).toMatchObject({ continuous: false, position: channel.position });
    expect(channel.recent(channel.position, LIMITS)).toMatchObject({ continuous: true });
    await rig.publish(3);
    await eventually(() => listener.heard.length > 0);
    expect(listener.heard).toEqual([3]);
  });

  it("is not proven by what was begun while the leader was asked for its newest message", async () => {
    await start();
    let serial = 0;
    vi.spyOn(rig.feed.history, "lastOf").mockImplementationOnce(() => {
      serial = rig.feed.proofs.begin();
      return Promise.resolve(undefined);
    });
    const { channel } = await rig.listen();
    rig.feed.proofs.complete(serial, 0);
    expect(channel.provenWatermark()).toBeUndefined();
    const tick = await rig.tick();
    await eventually(() => channel.provenWatermark()?.offset === tick);
  });

  it("is not empty because a leader says so that was replaced, and doesn't know what was stored since", async () => {
    await start();
    const { history } = rig.feed;
    const [known, info] = [await history.countOf(`halley.pub.${rig.name()}`), await history.infoAfterNow()];
    await rig.publish(1);
    const tick = await rig.tick();
    vi.spyOn(rig.feed, "ticksProve", "get").mockReturnValue(false);
    vi.spyOn(history, "fence").mockResolvedValue(tick);
    // Each of its answers comes once; after that it knows better.
    vi.spyOn(history, "lastOf").mockImplementationOnce(() => {
      vi.spyOn(history, "infoAfterNow").mockResolvedValueOnce(info);
      return Promise.resolve(undefined);
    });
    vi.spyOn(history, "countOf").mockResolvedValueOnce(known);
    const { channel, listener } = await rig.listen();
    expect(channel.position).toEqual({ offset: 1, epoch: rig.feed.epoch });
    await rig.publish(2);
    await eventually(() => listener.heard.length === 1);
    expect(listener.heard).toEqual([2]);
  });

  it("takes no place of the history before that the leader named while another one began", async () => {
    await start();
    for (let n = 1; n <= 20; n++) await rig.publish(n);
    const { channel, listener } = await rig.listen();
    const { epoch } = rig.feed;
    const old = await rig.feed.history.lastOf(`halley.pub.${rig.name()}`);
    vi.spyOn(rig.feed.history, "lastOf").mockImplementationOnce(async () => {
      await rig.deleteStream();
      await rig.createStream();
      await rig.feed.refresh();
      return old;
    });
    channel.resync();
    await eventually(() => channel.position.epoch !== epoch);
    await eventually(() => listener.heard.length === 1);
    await rig.publish(21);
    await eventually(() => listener.heard.length === 2);
    expect(listener.heard).toEqual(["HISTORY_CHANGED", 21]);
  });

  it("begins in a cluster where the leader's word ends, not at a tick: the leader may be one that was replaced", async () => {
    await start();
    const known = await rig.publish(1);
    const stored = await rig.feed.history.lastOf(`halley.pub.${rig.name()}`);
    await rig.publish(2);
    await rig.tick();
    vi.spyOn(rig.feed, "ticksProve", "get").mockReturnValue(false);
    vi.spyOn(rig.feed.history, "lastOf").mockResolvedValueOnce(stored);
    const { channel, listener } = await rig.listen();
    expect(channel.position).toEqual({ offset: known, epoch: rig.feed.epoch });
    await rig.publish(3);
    await eventually(() => listener.heard.length === 2);
    expect(listener.heard).toEqual([2, 3]);
  });
});
