import { setTimeout as pause } from "node:timers/promises";
import { Publishers } from "../clients/publishers.js";
import type { Scenario } from "../scenario.js";
import { leaderOf, metaLeaderOf, spread, stepDown } from "../world/leaders.js";
import { checkStored } from "../world/storedOnce.js";

const CHANNELS = ["chat.a", "chat.b"];
const WORLD = { nats: "cluster", connectors: 0 } as const;
/** Who can't be signed in while nobody leads is told so. */
const SIGNING_IN = [3003];
/** Elections on a busy machine. */
const FLOW_MS = 90_000;

/** What happens when nodes of a cluster of three have to agree anew, held against the streams themselves, too. */
export const electionScenarios: readonly Scenario[] = [
  {
    name: "elections: the leader steps down again and again under load, and each key is stored once",
    fault: "leader steps down", transport: "both", history: "long", world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 8, everyMs: 2 });
      const keyless = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 4, isKeyless: true });
      for (let rounds = 0; rounds < 6; rounds++) {
        await traffic.flow(150, FLOW_MS);
        await stepDown(world, "chat");
      }
      await traffic.flow(150, FLOW_MS);
      await keyless.flow(20, FLOW_MS);
      const faults = await checkStored(world, CHANNELS);
      // The publish service itself bridges an election, inside its deadline.
      for (const { retried, count } of [traffic, keyless]) if (retried > count / 100) faults.push(`${String(retried)} publishes failed, of ${String(count)}`);
      return faults;
    },
  },
  {
    name: "elections: browsers publish and change their transports while leaders step down, and each message is stored once",
    fault: "leader steps down", transport: "mixed", history: "long", world: WORLD, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      const clients = await world.joinMany(8, { channels: CHANNELS });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 10 });
      for (let rounds = 0; rounds < 4; rounds++) {
        await publishers.flow(100, FLOW_MS);
        const electing = stepDown(world, "chat");
        for (let switches = 0; switches < 6; switches++) {
          world.random.pick(clients).switchTo(world.random.pick(["websocket", "poll"]));
          await publishers.flow(10, FLOW_MS);
        }
        await electing;
      }
      return [...(await publishers.stop()), ...(await checkStored(world, CHANNELS))];
    },
  },
  {
    name: "elections: the leader pauses, then it is killed, and backends whose deadlines are shorter send again under their keys",
    fault: "leader paused and killed, short deadlines", transport: "both", history: "long", world: { ...WORLD, publishes: 2 },
    async run(world) {
      await spread(world);
      await world.joinMany(6, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 8, everyMs: 5, deadlineMs: 400 });
      for (let rounds = 0; rounds < 2; rounds++) {
        await traffic.flow(100, FLOW_MS);
        const leader = await leaderOf(world, "chat");
        // Shorter than what the others wait for before they elect: what it is sent meanwhile it stores when it goes on.
        leader.process.kill("SIGSTOP");
        await pause(2_000);
        leader.process.kill("SIGCONT");
        await traffic.flow(50, FLOW_MS);
        await leader.stop(true);
        await traffic.flow(100, FLOW_MS);
        await leader.start();
        await world.cluster.ready();
      }
      await traffic.flow(100, FLOW_MS);
      const faults = await checkStored(world, CHANNELS);
      world.note(`${String(traffic.retried)} publishes were sent again, ${String(traffic.duplicates)} had been stored`);
      if (traffic.duplicates === 0) faults.push("no publish was sent again that had been stored: nothing was tried");
      return faults;
    },
  },
  {
    name: "elections: the leader of JetStream itself is killed while clients come back that have much to read",
    fault: "meta leader killed", transport: "both", history: "long", world: { ...WORLD, limits: { ringBytesPerChannel: 1_000 } }, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      const clients = await world.joinMany(6, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 2 });
      for (let rounds = 0; rounds < 2; rounds++) {
        for (const client of clients) client.leave();
        await traffic.flow(400, FLOW_MS);
        const leader = await metaLeaderOf(world);
        // Long stretches are read through consumers, which only the meta leader makes.
        await leader.stop(true);
        for (const client of clients) client.comeBack();
        await traffic.flow(200, FLOW_MS);
        await leader.start();
        await world.cluster.ready();
      }
      await traffic.flow(100, FLOW_MS);
      return checkStored(world, CHANNELS);
    },
  },
  {
    name: "elections: polls go from connector to connector while leaders are killed, and every tenth answer is lost",
    fault: "leader killed", transport: "long-poll", history: "long", world: WORLD,
    async run(world) {
      await spread(world);
      await world.joinMany(8, { channels: CHANNELS, transport: "poll", lostAnswers: 0.1 });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      for (let rounds = 0; rounds < 2; rounds++) {
        await traffic.flow(150, FLOW_MS);
        const leader = await leaderOf(world, "chat");
        await leader.stop(true);
        await traffic.flow(150, FLOW_MS);
        await leader.start();
        await world.cluster.ready();
      }
      await traffic.flow(100, FLOW_MS);
      return undefined;
    },
  },
  {
    name: "elections: two of three nodes are gone for a while: nothing is acknowledged then that isn't kept",
    fault: "quorum lost", transport: "both", history: "long", world: WORLD, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      await world.joinMany(6, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await traffic.flow(200, FLOW_MS);
      const leader = await leaderOf(world, "chat");
      const others = world.cluster.nodes.filter((node) => node !== leader);
      await Promise.all(others.map((node) => node.stop(true)));
      await pause(8_000);
      await Promise.all(others.map((node) => node.start()));
      await world.cluster.ready();
      await traffic.flow(200, FLOW_MS);
      return checkStored(world, CHANNELS);
    },
  },
  {
    name: "elections: the leader is cut off from both others, with a connector, clients and a backend on its side",
    fault: "leader isolated", transport: "both", history: "long", world: WORLD, closeCodes: SIGNING_IN,
    async run(world) {
      await spread(world);
      const leader = await leaderOf(world, "chat");
      await world.addPublish([leader.url]);
      await world.joinMany(9, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 6, everyMs: 5 });
      await traffic.flow(200, FLOW_MS);
      const others = world.cluster.nodes.filter((node) => node !== leader);
      for (const { name } of others) world.cluster.routes.cut(leader.name, name);
      await pause(10_000);
      for (const { name } of others) world.cluster.routes.heal(leader.name, name);
      await world.cluster.ready();
      await traffic.flow(200, FLOW_MS);
      return checkStored(world, CHANNELS);
    },
  },
];
