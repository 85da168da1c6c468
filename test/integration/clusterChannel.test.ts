import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ChannelRig } from "../helpers/channelRig.js";
import { eventually } from "../helpers/eventually.js";
import { type ClusterNode, hasClusterServer, type NatsCluster, startNatsCluster } from "../helpers/natsCluster.js";

const LIMITS = { chunkMessages: 1_000, chunkBytes: 128 * 1024 };
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe.skipIf(!hasClusterServer)("a channel on a cluster (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)", () => {
  let cluster: NatsCluster;
  let rig: ChannelRig;

  beforeAll(async () => { cluster = await startNatsCluster(); }, 60_000);
  afterAll(() => cluster.remove());
  afterEach(async () => {
    // What a failed test has cut.
    for (const { name: one } of cluster.nodes) for (const { name: other } of cluster.nodes) cluster.routes.heal(one, other);
    await rig.stop();
    await cluster.ready();
  });

  /** A rig on a server that doesn't lead its stream, and a publisher on the one that does. */
  async function startBeside(replicas: number): Promise<{ readonly leader: string; readonly ours: string }> {
    // Who leads is chance.
    for (const { name: ours, url } of Array.from({ length: 5 }, () => cluster.nodes).flat()) {
      const others = cluster.nodes.filter(({ name }) => name !== ours).map((node) => node.url);
      rig = await ChannelRig.start([url], { replicas, backendServers: others });
      const { leader = "" } = await rig.feed.history.infoAfterNow();
      if (leader !== ours) return { leader, ours };
      await rig.stop();
    }
    throw new Error("fifteen streams were led by the server that was asked to make them");
  }

  /** A rig on the server that leads its stream, with a publisher on the others; gives that server, and the others. */
  async function startAtLeader(): Promise<[ClusterNode, ...ClusterNode[]]> {
    for (const ours of Array.from({ length: 5 }, () => cluster.nodes).flat()) {
      const others = cluster.nodes.filter((node) => node !== ours);
      rig = await ChannelRig.start([ours.url], { replicas: 3, backendServers: others.map(({ url }) => url) });
      if ((await rig.feed.history.infoAfterNow()).leader === ours.name) return [ours, ...others];
      await rig.stop();
    }
    throw new Error("fifteen streams were led by others");
  }

  it.each([1, 3])("gets what a cut route swallowed, in order, soon after the route is back (%i replicas)", async (replicas) => {
    const { leader, ours } = await startBeside(replicas);
    const { channel, listener } = await rig.listen();
    const { listener: quiet, channel: quietChannel } = await rig.listen("quiet");
    for (let n = 1; n <= 5; n++) await eventually(() => rig.publish(n), 20_000);
    await eventually(() => listener.heard.length === 5);
    cluster.routes.cut(leader, ours);
    for (let n = 6; n <= 50; n++) await eventually(() => rig.publish(n), 20_000);
    await rig.publish(1, "quiet");
    expect(listener.heard.length).toBeLessThan(50);
    cluster.routes.heal(leader, ours);
    await eventually(() => listener.heard.length === 50 && quiet.heard.length === 1, 25_000);
    expect(listener.heard).toEqual(upTo(50));
    expect(quiet.heard).toEqual([1]);
    await eventually(() => channel.provenWatermark() && quietChannel.provenWatermark(), 25_000);
    expect(quietChannel.position.offset).toBeGreaterThan(quiet.offsets[0] ?? Infinity);
  }, 90_000);

  it("proves quiet channels by audits, not by ticks that came along", async () => {
    await startBeside(3);
    const { channel } = await rig.listen();
    await rig.tick();
    expect(channel.provenWatermark()).toBeUndefined();
    await eventually(() => channel.provenWatermark(), 25_000);
    expect(channel.position.offset).toBe(channel.provenWatermark()?.offset);
  }, 60_000);

  it("is audited at once when the stream has another leader", async () => {
    await startBeside(3);
    const { channel } = await rig.listen();
    await rig.publish(1);
    await rig.stepDown();
    await eventually(() => channel.provenWatermark(), 5_000);
  }, 60_000);

  it("takes no word of a leader that was replaced and doesn't know it yet for a loss", async () => {
    const [ours, ...others] = await startAtLeader();
    const { channel, listener } = await rig.listen();
    for (let n = 1; n <= 5; n++) await rig.publish(n);
    await eventually(() => listener.heard.length === 5);
    for (const { name } of others) cluster.routes.cut(ours.name, name);
    for (let n = 6; n <= 10; n++) await eventually(() => rig.publish(n), 20_000);
    const ahead = { offset: await rig.publish(11), epoch: rig.feed.epoch };
    const stale = await rig.feed.history.infoAfterNow();
    expect(stale).toMatchObject({ leader: ours.name });
    expect(stale.lastSequence).toBeLessThan(ahead.offset);
    // Somebody comes who has seen more elsewhere; it isn't lost, it can't be read here so far.
    await expect(channel.recover(ahead, LIMITS)).rejects.toMatchObject({ retryable: true });
    await expect(rig.feed.history.read({ subject: channel.subject, from: ahead.offset - 2, to: ahead.offset, maxMessages: 10, maxBytes: 1_000 })).rejects.toMatchObject({ retryable: true });
    for (const { name } of others) cluster.routes.heal(ours.name, name);
    await eventually(() => listener.heard.length === 11, 25_000);
    expect(listener.heard).toEqual(upTo(11));
    expect(await eventually(() => channel.recover(ahead, LIMITS))).toMatchObject({ continuous: true });
  }, 90_000);

  it("compares more channels than JetStream answers for at once", async () => {
    const { leader, ours } = await startBeside(1);
    const count = 1_500;
    const listeners = await Promise.all(Array.from({ length: count }, (_, index) => rig.listen(`c${String(index)}`)));
    cluster.routes.cut(leader, ours);
    const missed = [0, 1, 700, 998, 999, 1_000, 1_499];
    for (const index of missed) await rig.publish(1, `c${String(index)}`);
    cluster.routes.heal(leader, ours);
    await eventually(() => missed.every((index) => listeners[index]?.listener.heard.length === 1), 25_000);
    await eventually(() => listeners.every(({ channel }) => channel.provenWatermark()), 25_000);
    expect(listeners.filter(({ listener }) => listener.heard.length > 0).length).toBe(missed.length);
  }, 90_000);
});
