import { setTimeout as pause } from "node:timers/promises";
import { subjects } from "../../lib/bus/subjects.js";
import { tickMark } from "../../lib/bus/tick.js";
import type { ClusterNode } from "../../test/helpers/natsCluster.js";
import type { StressClient } from "../clients/client.js";
import type { Scenario } from "../scenario.js";
import { leaderOf, spread } from "../world/leaders.js";
import { NatsInterposer } from "../world/natsInterposer.js";
import type { World } from "../world/world.js";

const CHANNELS = ["chat.a", "chat.b"];
/** Who can't be signed in while NATS is away is told so. */
const SIGNING_IN = [3003];
const WORLD = { nats: "cluster", connectors: 0 } as const;
/** Well below the 10 s between two audits. */
const SOON_MS = 4_000;
/** By so long replicas are behind; the connector's questions to the leader take it twice, and may take 5 s. */
const LAG_MS = 1_500;
/** Some audits. */
const LAGGING_MS = 40_000;

/** Publishes at the leader only, whatever is cut; gives a node that doesn't lead. */
async function publishAtLeader(world: World, leader: ClusterNode): Promise<ClusterNode> {
  await world.publishes.shift()?.stop();
  await world.addPublish([leader.url]);
  const away = world.cluster.nodes.find((node) => node !== leader);
  if (!away) throw new Error("no other node");
  return away;
}

/** Clients lose their connections, and change their transport, one after another, for so long. */
async function wander(world: World, clients: readonly StressClient[], forMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < forMs; waitedMs += 100) {
    world.random.pick(clients).switchTo(world.random.pick(["websocket", "poll"]));
    await pause(100);
  }
}

/** What happens to a cluster of three. */
export const clusterScenarios: readonly Scenario[] = [
  {
    name: "cluster: the stream's leader is killed, and comes back",
    fault: "leader killed", transport: "both", history: "long", isShort: true, world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      for (let rounds = 0; rounds < world.times(2); rounds++) {
        await traffic.flow(200);
        const leader = await leaderOf(world, "chat");
        await leader.stop(true);
        await traffic.flow(200);
        await leader.start();
        await pause(1_000);
      }
      await traffic.flow(200);
      return undefined;
    },
  },
  {
    name: "cluster: the leader is frozen for 30 s",
    fault: "leader frozen", transport: "both", history: "long", world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await traffic.flow(200);
      const leader = await leaderOf(world, "chat");
      leader.process.kill("SIGSTOP");
      // The others elect another one, and backends go on.
      await Promise.all([pause(30_000), traffic.flow(200)]);
      leader.process.kill("SIGCONT");
      await traffic.flow(200, 60_000);
      return undefined;
    },
  },
  {
    name: "cluster: routes between the leader and the others are cut and healed, one after another",
    fault: "route cut", transport: "both", history: "long", isShort: true, world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      const leader = await leaderOf(world, "chat");
      for (const { name } of world.cluster.nodes.filter((node) => node !== leader)) {
        await traffic.flow(100);
        world.cluster.routes.cut(leader.name, name);
        await pause(3_000);
        world.cluster.routes.heal(leader.name, name);
      }
      await traffic.flow(200, 60_000);
      return undefined;
    },
  },
  {
    name: "cluster: routes take 20 ms each way while clients subscribe under load",
    fault: "route delayed", transport: "both", history: "long", world: WORLD,
    async run(world) {
      await spread(world);
      const traffic = world.traffic({ channels: CHANNELS, lanes: 8, everyMs: 5 });
      world.cluster.routes.delayMs = 20;
      await traffic.flow(100);
      for (let joins = 0; joins < 40; joins++) {
        await world.join({ channels: CHANNELS, transport: world.random.pick(["websocket", "poll"]) });
        await traffic.flow(10);
      }
      return undefined;
    },
  },
  {
    name: "cluster: interest travels slower than answers, and who subscribes gets the next message soon",
    fault: "interest delayed", transport: "websocket", history: "long", world: { ...WORLD, replicas: 1 },
    async run(world) {
      const leader = await leaderOf(world, "chat");
      await publishAtLeader(world, leader);
      for (const { url, name } of world.cluster.nodes) if (name !== leader.name) await world.addConnector([url]);
      world.cluster.routes.accountsMs = 150;
      const late: string[] = [];
      for (let joins = 0; joins < 15; joins++) {
        const channel = `chat.next${String(joins)}`;
        // An empty channel is begun behind a tick, which would travel behind the interest.
        await world.publishOnce([channel]);
        const client = await world.join({ channels: [channel], transport: "websocket" });
        await world.publishOnce([channel]);
        // What only an audit finds comes up to 10 s later.
        const soon = Date.now() + SOON_MS;
        while (client.state.count === 0 && Date.now() < soon) await pause(10);
        if (client.state.count === 0) late.push(`${client.state.name}: the message after its subscribe took longer than ${String(SOON_MS)} ms`);
      }
      world.cluster.routes.accountsMs = 0;
      return late;
    },
  },
  {
    name: "cluster: one message comes for each of 30 channels while the route to their leader is cut, and nothing after",
    fault: "route cut", transport: "both", history: "long", world: { ...WORLD, replicas: 1 },
    async run(world) {
      const leader = await leaderOf(world, "chat");
      const away = await publishAtLeader(world, leader);
      await world.addConnector([away.url]);
      const channels = Array.from({ length: 30 }, (_, index) => `chat.quiet${String(index)}`);
      await world.joinMany(4, { channels });
      world.cluster.routes.cut(leader.name, away.name);
      await world.publishOnce(channels);
      world.cluster.routes.heal(leader.name, away.name);
      return undefined;
    },
  },
  {
    name: "cluster: replicas follow their leader slowly while one message comes for each of 150 channels and is not republished: an audit passes over none",
    fault: "replica lags", transport: "both", history: "long", world: WORLD,
    async run(world) {
      const leader = await leaderOf(world, "chat");
      const follower = await publishAtLeader(world, leader);
      const toConnector = await NatsInterposer.start(Number(new URL(follower.url).port));
      world.onStop(() => toConnector.stop());
      await world.addConnector([toConnector.url]);
      const channels = Array.from({ length: 150 }, (_, index) => `chat.silent${String(index)}`);
      await world.joinMany(4, { channels });
      const { bus } = await world.direct();
      toConnector.decide = (subject) => (subject.startsWith("halley.out.chat.silent") ? "drop" : "pass");
      world.cluster.routes.systemMs = LAG_MS;
      // Each is newer than what the follower knows.
      const ticking = setInterval(() => { bus.publish(subjects.tick("chat"), tickMark()); }, LAG_MS / 3);
      world.onLeave(() => { clearInterval(ticking); });
      const published: Promise<void>[] = [];
      for (const channel of channels) {
        published.push(world.publishOnce([channel]));
        await pause(LAGGING_MS / channels.length);
      }
      await Promise.all(published);
      world.cluster.routes.systemMs = 0;
      clearInterval(ticking);
      await world.complete();
      return toConnector.touched >= channels.length ? undefined : [`only ${String(toConnector.touched)} messages were lost on their way: nothing was tried`];
    },
  },
  {
    name: "cluster: a route is cut until what came has expired: those who missed it are told so",
    fault: "route cut", transport: "both", history: "short", world: { ...WORLD, replicas: 1 }, honest: ["HISTORY_LOST", "unrecovered"],
    async run(world) {
      const leader = await leaderOf(world, "young");
      const away = await publishAtLeader(world, leader);
      await world.addConnector([away.url]);
      const channels = Array.from({ length: 40 }, (_, index) => `young.n${String(index)}`);
      const clients = await world.joinMany(4, { channels });
      world.cluster.routes.cut(leader.name, away.name);
      await world.publishOnce(channels);
      await pause(16_000);
      world.cluster.routes.heal(leader.name, away.name);
      // To half of the channels something comes that follows nothing which is stored: some of it before an audit, and some after.
      for (const channel of channels.slice(0, 20)) {
        await world.publishOnce([channel]);
        await pause(60);
      }
      const isTold = (): boolean => clients.every(({ state }) => [...state.records.values()].every(({ breaks, count }) => breaks.length + count > 0));
      for (let waited = 0; waited < 20_000 && !isTold(); waited += 100) await pause(100);
      return clients.flatMap(({ state }) => [...state.records.values()].filter(({ breaks, count }) => breaks.length === 0 && count < 1).map(({ channel }) => `${state.name} was not told that a message of ${channel} was lost`));
    },
  },
  {
    name: "cluster: the leader is cut off from the others, and heals, while clients go from connector to connector: no loss is told",
    fault: "leader cut off", transport: "mixed", history: "long", world: WORLD, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      const clients = await world.joinMany(12, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 10 });
      for (let rounds = 0; rounds < 3; rounds++) {
        await traffic.flow(200);
        const leader = await leaderOf(world, "chat");
        const others = world.cluster.nodes.filter((node) => node !== leader);
        for (const { name } of others) world.cluster.routes.cut(leader.name, name);
        await wander(world, clients, 6_500);
        for (const { name } of others) world.cluster.routes.heal(leader.name, name);
        await wander(world, clients, 1_500);
      }
      return undefined;
    },
  },
  {
    name: "cluster: the leader is frozen for 6 s, and its successor is killed a moment after it goes on: no loss is told",
    fault: "leader frozen", transport: "mixed", history: "long", world: WORLD, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      const clients = await world.joinMany(12, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 10 });
      for (let rounds = 0; rounds < 2; rounds++) {
        await traffic.flow(200);
        const frozen = await leaderOf(world, "chat");
        frozen.process.kill("SIGSTOP");
        await wander(world, clients, 6_000);
        const successor = await leaderOf(world, "chat");
        frozen.process.kill("SIGCONT");
        await successor.stop(true);
        await wander(world, clients, 3_000);
        await successor.start();
        await traffic.flow(200, 60_000);
      }
      return undefined;
    },
  },
  {
    name: "cluster: all of it is restarted at once",
    fault: "cluster restarted", transport: "both", history: "long", world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await traffic.flow(200);
      await Promise.all(world.cluster.nodes.map((node) => node.stop(true)));
      await pause(1_000);
      await Promise.all(world.cluster.nodes.map((node) => node.start()));
      await traffic.flow(200, 60_000);
      return undefined;
    },
  },
];
