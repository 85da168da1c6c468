import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fetchStreamInfo } from "../../lib/bus/streamInfo.js";
import type { RpcError } from "../../lib/errors/rpcError.js";
import { ChannelRig } from "../helpers/channelRig.js";
import { eventually } from "../helpers/eventually.js";
import { type ClusterNode, hasClusterServer, type NatsCluster, startNatsCluster } from "../helpers/natsCluster.js";

const LIMITS = { chunkMessages: 100, chunkBytes: 2 ** 20 };

/** A leader that is cut off goes on answering what it has, for seconds, and knows nothing of what the others store meanwhile. */
describe.skipIf(!hasClusterServer)("a leader that doesn't know that it leads no more (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)", () => {
  let cluster: NatsCluster;
  let rig: ChannelRig;
  let leader: ClusterNode;

  beforeEach(async () => { cluster = await startNatsCluster(); }, 60_000);
  afterEach(async () => {
    await rig.stop();
    await cluster.remove();
  });

  /** A rig that knows two nodes, and is on the leader or beside it; its publisher is on the third node. */
  const start = async (where: "at" | "beside"): Promise<void> => {
    const [one, two, third] = cluster.nodes;
    rig = await ChannelRig.start([one!.url, two!.url], { replicas: 3, backendServers: [third!.url] });
    const ours = rig.bus.serverName;
    const wanted = where === "at" ? ours : [one!.name, two!.name].find((name) => name !== ours);
    leader = await eventually(async () => {
      const { leader: name } = await rig.feed.history.infoAfterNow();
      if (name === wanted) return cluster.node(name ?? "");
      await rig.stepDown();
      return undefined;
    }, 30_000);
  };
  const isolate = (): void => {
    for (const { name } of cluster.nodes) if (name !== leader.name) cluster.routes.cut(leader.name, name);
  };

  it("disproves no position: what it doesn't know may be stored elsewhere", async () => {
    await start("at");
    const { channel } = await rig.listen();
    await rig.publish(1);
    await eventually(() => channel.standing.last > 0);
    isolate();
    const { epoch, offset } = channel.position;
    // As a client brings it that was at another connector since.
    await expect(channel.recover({ epoch, offset: offset + 5 }, LIMITS)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    for (const { name } of cluster.nodes) cluster.routes.heal(leader.name, name);
    await cluster.ready();
    // Now it is known that nobody has it.
    expect(await eventually(() => channel.recover({ epoch, offset: offset + 100 }, LIMITS), 20_000)).toMatchObject({ continuous: false });
  }, 90_000);

  it("is not taken for a stream that was rolled back, nor is a replica that answers while nobody leads", async () => {
    await start("beside");
    const { listener } = await rig.listen();
    isolate();
    await eventually(() => rig.publish(1), 20_000);
    await eventually(() => listener.heard.length === 1);
    const raised: string[] = [];
    const service = await connect({ servers: leader.url });
    service.subscribe("halley.epoch.*", {
      callback: (_, message) => {
        raised.push(message.subject);
        message.respond('{"error":"no"}');
      },
    });
    await service.flush();
    const others = cluster.nodes.filter((node) => node !== leader);
    await Promise.all(others.map((node) => node.stop(true)));
    await eventually(() => rig.bus.connected && rig.bus.serverName === leader.name);
    // It still answers, and ends before what was seen; or it has noticed by now that nobody follows it.
    const answer = await fetchStreamInfo(rig.bus, rig.feed.history.stream).catch((error: unknown) => error as RpcError);
    if ("lastSequence" in answer) expect(answer.lastSequence).toBeLessThan(listener.offsets[0] ?? 0);
    else expect(answer).toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(rig.feed.refresh()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect(raised).toEqual([]);
    await Promise.all(others.map((node) => node.start()));
    for (const { name } of others) cluster.routes.heal(leader.name, name);
    await eventually(() => rig.publish(2), 30_000);
    await eventually(() => listener.heard.length === 2, 30_000);
    expect([listener.heard, raised]).toEqual([[1, 2], []]);
    await service.close();
  }, 120_000);
});
