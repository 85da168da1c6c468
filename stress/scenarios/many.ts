import type { Scenario } from "../scenario.js";

const channels = (count: number, prefix = "chat.many"): string[] => Array.from({ length: count }, (_, index) => `${prefix}${String(index)}`);

/** Much of something: subscriptions, sessions, bytes, channels. */
export const manyScenarios: readonly Scenario[] = [
  {
    name: "many: clients of 1,000 channels each are cut again and again",
    fault: "connection cut", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const all = channels(1_000);
      const clients = await world.joinMany(4, { channels: all });
      const traffic = world.traffic({ channels: all, lanes: 8, everyMs: 5 });
      for (let cuts = 0; cuts < 16; cuts++) {
        await traffic.flow(100);
        world.random.pick(clients).cut();
      }
      return undefined;
    },
  },
  {
    name: "many: a user of 40 sessions, which are cut, gets everything in each of them",
    fault: "many sessions", transport: "both", history: "inbox", world: { nats: "single", connectors: 2 },
    async run(world) {
      const own = ["user.busy", "all", "chat.a"];
      const sessions = await world.joinMany(40, { user: "busy", channels: own });
      const traffic = world.traffic({ channels: own, lanes: 4, everyMs: 10 });
      for (let cuts = 0; cuts < 60; cuts++) {
        await traffic.flow(10);
        world.random.pick(sessions).cut();
      }
      return sessions.flatMap(({ state }) => state.errors.filter((reason) => reason === "TOO_MANY_SESSIONS").map((reason) => `${state.name} was told ${reason}`));
    },
  },
  {
    name: "many: 520 WebSockets of one channel, whose messages come in bursts, are cut again and again",
    fault: "connection cut", transport: "websocket", history: "long", world: { nats: "single", connectors: 1 },
    async run(world) {
      const clients = await world.joinMany(520, { channels: ["chat.a"], transport: "websocket" });
      const traffic = world.traffic({ channels: ["chat.a"], lanes: 40, everyMs: 1_000, bytes: 500 });
      for (let cuts = 0; cuts < 12; cuts++) {
        await traffic.flow(80);
        for (const client of clients.slice(cuts, cuts + 10)) client.cut();
      }
      return undefined;
    },
  },
  {
    name: "many: messages of 400 KB, larger than every queue and piece of history, to clients that come and go",
    fault: "big messages", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients = await world.joinMany(6, { channels: ["chat.a"] });
      const traffic = world.traffic({ channels: ["chat.a"], lanes: 2, everyMs: 50, bytes: 400_000 });
      for (let absences = 0; absences < 20; absences++) {
        await traffic.flow(2);
        const client = world.random.pick(clients);
        client.leave();
        await traffic.flow(world.random.between(1, 4));
        client.comeBack();
      }
      return undefined;
    },
  },
  {
    name: "many: memory for recent messages is tiny, so that whoever comes back is served from the stream",
    fault: "rings evicted", transport: "both", history: "long", world: { nats: "single", connectors: 2, limits: { ringBytesPerChannel: 4_000, ringBytes: 12_000 } },
    async run(world) {
      const all = channels(20);
      const clients = await world.joinMany(8, { channels: all });
      const traffic = world.traffic({ channels: all, lanes: 8, everyMs: 5, bytes: 500 });
      for (let cuts = 0; cuts < 40; cuts++) {
        await traffic.flow(30);
        world.random.pick(clients).cut();
      }
      const held = await world.metric("halley_connector_ring_bytes");
      // One ring alone may have its own bytes beyond the budget of all.
      return held > world.connectors.length * (12_000 + 4_000) ? [`rings hold ${String(held)} bytes`] : undefined;
    },
  },
  {
    name: "many: channels are left and taken again, and closed in between",
    fault: "subscription churn", transport: "websocket", history: "long", world: { nats: "single", connectors: 2, limits: { lingerMs: 100, lingeringChannels: 3 } },
    async run(world) {
      const all = channels(12);
      const clients = await Promise.all(all.map((channel, at) => world.join({ channels: [channel, all[(at + 1) % all.length] ?? channel], transport: "websocket" })));
      const traffic = world.traffic({ channels: all, lanes: 8, everyMs: 5 });
      const churns: Promise<void>[] = [];
      for (let rounds = 0; rounds < 100; rounds++) {
        await traffic.flow(12);
        const client = world.random.pick(clients);
        if (world.random.next() < 0.1) client.cut();
        else churns.push(client.resubscribe(world.random.pick([...client.state.records.keys()]), world.random.pick([0, 20, 300])));
      }
      await Promise.all(churns);
      return undefined;
    },
  },
];
