import type { Scenario } from "../scenario.js";
import { addBehindProxy } from "../world/behindProxy.js";
import type { World } from "../world/world.js";

const CHANNELS = ["live.a", "live.b"];

/** One publisher for each channel: there the order of publishing is the order of arrival. */
function liveTraffic(world: World, everyMs: number): { flow(more: number): Promise<void> } {
  const all = CHANNELS.map((channel) => world.traffic({ channels: [channel], everyMs }));
  return { flow: async (more) => { await Promise.all(all.map((traffic) => traffic.flow(more))); } };
}

/** Channels without history. */
export const ephemeralScenarios: readonly Scenario[] = [
  {
    name: "without history: everybody who stays gets everything, in order",
    fault: "none", transport: "both", history: "none", world: { nats: "single", connectors: 2 },
    async run(world) {
      const [, second = 0] = world.ports();
      // Polls come back to where they were: nothing may be missing between two of them.
      await world.joinMany(4, { channels: CHANNELS, transport: "websocket" });
      await world.joinMany(4, { channels: CHANNELS, transport: "poll", ports: () => [second] });
      await liveTraffic(world, 3).flow(800);
      return undefined;
    },
  },
  {
    name: "without history: who comes back to the same connector misses nothing",
    fault: "connection cut", transport: "mixed", history: "none", world: { nats: "single", connectors: 1 },
    async run(world) {
      const clients = await world.joinMany(10, { channels: CHANNELS });
      const traffic = liveTraffic(world, 3);
      for (let cuts = 0; cuts < 60; cuts++) {
        await traffic.flow(8);
        const client = world.random.pick(clients);
        if (world.random.next() < 0.3) client.switchTo(world.random.pick(["websocket", "poll"]));
        else client.cut();
      }
      return undefined;
    },
  },
  {
    name: "without history: answers of polls are lost, and the request comes again to the same connector",
    fault: "answer lost", transport: "long-poll", history: "none", world: { nats: "single", connectors: 1 },
    async run(world) {
      await world.joinMany(8, { channels: CHANNELS, transport: "poll", lostAnswers: 0.34 });
      await liveTraffic(world, 3).flow(600);
      return undefined;
    },
  },
  {
    name: "without history: who comes back to another connector is told so, each time",
    fault: "connector changed", transport: "both", history: "none", world: { nats: "single", connectors: 2 }, honest: ["unrecovered", "HISTORY_CHANGED"],
    async run(world) {
      const [first = 0, second = 0] = world.ports();
      let port = first;
      const clients = await world.joinMany(8, { channels: CHANNELS, ports: () => [port] });
      const traffic = liveTraffic(world, 5);
      const rounds = 6;
      for (let round = 0; round < rounds; round++) {
        await traffic.flow(30);
        port = port === first ? second : first;
        const told = clients.map(({ state }) => state.breaks.length);
        for (const client of clients) client.cut();
        await world.until(() => clients.every(({ state }, at) => state.breaks.length >= (told[at] ?? 0) + CHANNELS.length), "everybody was told that history is another's here");
      }
      await traffic.flow(30);
      return clients.filter(({ state }) => state.breaks.length !== rounds * CHANNELS.length).map(({ state }) => `${state.name} was told ${String(state.breaks.length)} times, not ${String(rounds * CHANNELS.length)}`);
    },
  },
  {
    name: "without history: a connector is killed and started again: its clients are told so, the others get everything",
    fault: "connector killed", transport: "both", history: "none", world: { nats: "single", connectors: 2 }, honest: ["unrecovered", "HISTORY_CHANGED"],
    async run(world) {
      const [doomed, spared] = world.connectors;
      if (!doomed || !spared) throw new Error("there must be two connectors");
      const told = await world.joinMany(6, { channels: CHANNELS, ports: () => [doomed.port] });
      const calm = await world.joinMany(6, { channels: CHANNELS, ports: () => [spared.port] });
      const traffic = liveTraffic(world, 5);
      for (let rounds = 0; rounds < 3; rounds++) {
        await traffic.flow(50);
        await doomed.kill();
        await traffic.flow(50);
        await doomed.start();
      }
      await traffic.flow(50);
      return [
        ...calm.flatMap(({ state }) => state.breaks.map((reason) => `${state.name}, of the connector that stayed, was told ${reason}`)),
        ...told.filter(({ state }) => state.breaks.length === 0).map(({ state }) => `${state.name}, of the connector that was killed, was told nothing`),
      ];
    },
  },
  {
    name: "without history: a connector's link to NATS is cut: its clients are told so, each time, the others get everything",
    fault: "NATS link cut", transport: "both", history: "none", world: { nats: "single", connectors: 1 }, honest: ["NATS_DISCONNECTED", "HISTORY_CHANGED"],
    async run(world) {
      const [spared] = world.connectors;
      const calm = await world.joinMany(4, { channels: CHANNELS, ports: () => [spared?.port ?? 0] });
      const { proxy, ports } = await addBehindProxy(world);
      const clients = await world.joinMany(6, { channels: CHANNELS, ports });
      for (let cuts = 1; cuts <= 3; cuts++) {
        await world.publishOnce(CHANNELS);
        proxy.mode = "refuse";
        proxy.cut();
        await world.publishOnce(CHANNELS);
        proxy.mode = "pass";
        await world.until(() => clients.every(({ state }) => state.breaks.length >= cuts * CHANNELS.length), "everybody was told of what passed meanwhile");
      }
      await world.publishOnce(CHANNELS);
      return calm.flatMap(({ state }) => state.breaks.map((reason) => `${state.name}, of the connector that was spared, was told ${reason}`));
    },
  },
];
