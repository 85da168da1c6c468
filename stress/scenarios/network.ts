import { setTimeout as pause } from "node:timers/promises";
import { startTcpProxy, type TcpProxy } from "../../test/helpers/tcpProxy.js";
import type { Scenario } from "../scenario.js";
import type { World } from "../world/world.js";

const CHANNELS = ["chat.a", "chat.b"];
const WORLD = { nats: "single", connectors: 2 } as const;

/** A proxy before each connector, with the ports for clients. */
async function proxied(world: World): Promise<{ readonly proxies: readonly TcpProxy[]; readonly ports: () => readonly number[] }> {
  const proxies = await Promise.all(world.ports().map((port) => startTcpProxy(port)));
  for (const proxy of proxies) world.onLeave(() => proxy.stop());
  return { proxies, ports: () => proxies.map(({ port }) => port) };
}

/** What networks do to the bytes between clients and connectors. */
export const networkScenarios: readonly Scenario[] = [
  {
    name: "network: every byte comes in a chunk of its own",
    fault: "chopped", transport: "both", history: "long", world: WORLD,
    async run(world) {
      const { proxies, ports } = await proxied(world);
      for (const { faults } of proxies) faults.isChopped = true;
      const clients = await world.joinMany(6, { channels: CHANNELS, ports });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 20 });
      for (let cuts = 0; cuts < 6; cuts++) {
        await traffic.flow(30);
        world.random.pick(clients).cut();
      }
      return undefined;
    },
  },
  {
    name: "network: everything takes 300 ms each way, and connections are cut",
    fault: "delayed", transport: "both", history: "long", world: WORLD,
    async run(world) {
      const { proxies, ports } = await proxied(world);
      for (const { faults } of proxies) faults.delayMs = 300;
      const clients = await world.joinMany(10, { channels: CHANNELS, ports });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      for (let cuts = 0; cuts < 30; cuts++) {
        await traffic.flow(40);
        world.random.pick(clients).cut();
      }
      return undefined;
    },
  },
  {
    name: "network: lines carry 20 KB/s, in bursts, while much more is published; then they are well again",
    fault: "throttled", transport: "both", history: "long", world: { ...WORLD, limits: { queueBytes: 32_768, ringBytesPerChannel: 100_000 } },
    async run(world) {
      const { proxies, ports } = await proxied(world);
      for (const { faults } of proxies) faults.bytesPerSecond = 20_000;
      await world.joinMany(8, { channels: CHANNELS, ports });
      await world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 10, bytes: 6_000 }).flow(1_600, 60_000);
      for (const { faults } of proxies) faults.bytesPerSecond = 0;
      return undefined;
    },
  },
  {
    name: "network: connections become black holes: connectors notice by their pings, clients by the silence",
    fault: "black hole", transport: "both", history: "long", world: { ...WORLD, limits: { pingIntervalMs: 1_000, pongMs: 1_000 } },
    async run(world) {
      const { proxies, ports } = await proxied(world);
      const clients = await world.joinMany(10, { channels: CHANNELS, ports, quietMs: 3_000 });
      const webSockets = clients.filter(({ state }) => state.name.endsWith("websocket"));
      const [gone] = webSockets;
      const traffic = world.traffic({ channels: CHANNELS, everyMs: 20 });
      for (let rounds = 0; rounds < 2; rounds++) {
        await traffic.flow(50);
        const before = webSockets.map(({ state }) => state.closeCodes.length);
        for (const proxy of proxies) proxy.blackHole();
        // One stays away: a connector that is told of a newer connection needs no pings.
        gone?.leave();
        // Each side by itself: the lines tell neither of the other's end.
        await world.until(() => webSockets.every(({ state }, at) => state.closeCodes.length > (before[at] ?? 0)), "every client noticed the silence", 10_000);
        await world.until(async () => (await world.metric("halley_connector_websockets")) === webSockets.length - 1, "the connectors let go of the connections that are black");
        gone?.comeBack();
      }
      return undefined;
    },
  },
  {
    name: "network: nobody gets in for 5 s, then everybody does",
    fault: "refused", transport: "both", history: "long", world: WORLD,
    async run(world) {
      const { proxies, ports } = await proxied(world);
      await world.joinMany(12, { channels: CHANNELS, ports });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 5 });
      await traffic.flow(100);
      for (const proxy of proxies) {
        proxy.mode = "refuse";
        proxy.cut();
      }
      await pause(5_000);
      for (const proxy of proxies) proxy.mode = "pass";
      await traffic.flow(100);
      return undefined;
    },
  },
];
