import { startTcpProxy } from "../../test/helpers/tcpProxy.js";
import { Publishers } from "../clients/publishers.js";
import type { Scenario } from "../scenario.js";

const CHANNELS = ["chat.a", "chat.b"];

/** What browsers publish while the connection is not to be trusted. */
export const publishingScenarios: readonly Scenario[] = [
  {
    name: "publishing: connections are cut all the time, every message is stored once",
    fault: "connection cut", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients = await world.joinMany(10, { channels: CHANNELS });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 10 });
      for (let cuts = 0; cuts < 60; cuts++) {
        await publishers.flow(10);
        world.random.pick(clients).cut();
      }
      return publishers.stop();
    },
  },
  {
    name: "publishing: answers are lost on the way back, every message is stored once",
    fault: "answer lost", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const proxies = await Promise.all(world.ports().map((port) => startTcpProxy(port)));
      for (const proxy of proxies) world.onLeave(() => proxy.stop());
      // Long enough under way that a cut finds most messages stored and their answers not there.
      for (const { faults } of proxies) faults.delayMs = 60;
      const clients = await world.joinMany(10, { channels: CHANNELS, ports: () => proxies.map(({ port }) => port), lostAnswers: 0.2 });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 5 });
      for (let cuts = 0; cuts < 12; cuts++) {
        await publishers.flow(30);
        world.random.pick(proxies).cut();
      }
      const faults = await publishers.stop();
      if (publishers.duplicates === 0) faults.push("no message was sent again after it had been stored: nothing was tried");
      return faults;
    },
  },
  {
    name: "publishing: connectors are killed and started again, every message is stored once",
    fault: "connector killed", transport: "both", history: "long", world: { nats: "single", connectors: 3 },
    async run(world) {
      const clients = await world.joinMany(10, { channels: CHANNELS });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 5 });
      for (let rounds = 0; rounds < 4; rounds++) {
        await publishers.flow(150);
        const doomed = world.random.pick(world.connectors);
        await doomed.kill();
        await publishers.flow(100);
        await doomed.start();
      }
      return publishers.stop();
    },
  },
  {
    name: "publishing: the nats-server is killed under browsers that publish",
    fault: "nats killed", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients = await world.joinMany(8, { channels: CHANNELS });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 5 });
      for (let rounds = 0; rounds < 3; rounds++) {
        await publishers.flow(150);
        await world.nats.stop(true);
        await world.nats.start();
      }
      await publishers.flow(150);
      return publishers.stop();
    },
  },
  {
    name: "publishing: the same key on other channels and of other users hides nothing",
    fault: "same key", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients = await world.joinMany(8, { channels: CHANNELS });
      // A backend's keys are the numbers of its messages: those that the browsers use, too.
      const traffic = world.traffic({ channels: CHANNELS.slice(0, 1), everyMs: 5 });
      const other = world.traffic({ channels: CHANNELS.slice(1), everyMs: 5, keysOf: traffic });
      const publishers = new Publishers({ clients, channels: CHANNELS, ledger: world.ledger, random: world.random, everyMs: 5, keyOf: (count) => String(traffic.base + count) });
      for (let cuts = 0; cuts < 20; cuts++) {
        await publishers.flow(20);
        world.random.pick(clients).cut();
      }
      await Promise.all([traffic.flow(20), other.flow(20)]);
      return publishers.stop();
    },
  },
];
