import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";
import type { World } from "../world/world.js";

const CHANNELS = ["chat.a", "chat.b", "news.a"];
const MOMENT_MS = 250;
const GOING = /^(NOT_READY|connect ECONNREFUSED|socket hang up|read ECONNRESET)/;

/** How many connections nats-server has ended so far because they took nothing. */
async function slowConsumers(world: World): Promise<number> {
  const page = await fetch(`http://127.0.0.1:${String(world.nats.monitorPort)}/varz`, { signal: AbortSignal.timeout(5_000) });
  return ((await page.json()) as { slow_consumers: number }).slow_consumers;
}

/** What happens to connectors and to the publish service. */
export const connectorScenarios: readonly Scenario[] = [
  {
    name: "a connector is killed, and started again, again and again",
    fault: "connector killed", transport: "both", history: "long", isShort: true, world: { nats: "single", connectors: 3 },
    async run(world) {
      await world.joinMany(16, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 2 });
      for (let rounds = 0; rounds < world.times(5); rounds++) {
        await traffic.flow(150);
        const doomed = world.random.pick(world.connectors);
        await doomed.kill();
        await traffic.flow(150);
        await doomed.start();
      }
      return undefined;
    },
  },
  {
    name: "a connector is frozen for 8 s, and goes on",
    fault: "connector frozen", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      await world.joinMany(12, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 5 });
      for (const connector of world.connectors) {
        await traffic.flow(200);
        connector.freeze();
        await pause(8_000);
        connector.thaw();
      }
      await traffic.flow(200);
      return undefined;
    },
  },
  {
    name: "a connector is frozen until NATS drops it as a slow consumer, twice",
    fault: "NATS slow consumer", transport: "both", history: "long",
    // By default it takes 64 MB to get there.
    world: { nats: "single", connectors: 2, natsSettings: "max_pending: 2MB\nwrite_deadline: \"2s\"" },
    async run(world) {
      await world.joinMany(12, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, bytes: 20_000, everyMs: 10 });
      for (const connector of world.connectors) {
        await traffic.flow(100);
        const dropped = await slowConsumers(world);
        connector.freeze();
        await world.until(async () => (await slowConsumers(world)) > dropped, "NATS dropped the frozen connector", 60_000);
        connector.thaw();
      }
      await traffic.flow(100);
      return undefined;
    },
  },
  {
    name: "a deploy: connectors are replaced one after another, and drain",
    fault: "deploy", transport: "both", history: "long", isShort: true, world: { nats: "single", connectors: 3 },
    async run(world) {
      const faults: string[] = [];
      const clients = await world.joinMany(24, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 2 });
      for (const connector of world.connectors) {
        await traffic.flow(200);
        const code = await connector.stop();
        if (code !== 0) faults.push(`${connector.name} exited with ${String(code)}`);
        await connector.start();
      }
      await traffic.flow(200);
      for (const { state } of clients) {
        for (const code of state.closeCodes) if (code !== 3000) faults.push(`${state.name} was closed with ${String(code)}, not with 3000`);
        // A poll that finds its connector gone, or going, asks another one: no app is told.
        for (const error of state.errors) if (!GOING.test(error)) faults.push(`${state.name} was told ${error}`);
      }
      return faults;
    },
  },
  {
    name: "a deploy: 400 WebSockets of a connector that drains come back spread over a window, not at once",
    fault: "deploy", transport: "websocket", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const [leaving, staying] = world.connectors;
      if (!leaving || !staying) throw new Error("there must be two connectors");
      let { port } = leaving;
      const clients = await world.joinMany(400, { channels: CHANNELS.slice(0, 1), transport: "websocket", ports: () => [port] });
      const traffic = world.traffic({ channels: CHANNELS.slice(0, 1), everyMs: 20 });
      await traffic.flow(30);
      const toldMs = performance.now();
      ({ port } = staying);
      const stopping = leaving.stop();
      await world.until(() => clients.every(({ state }) => state.closeCodes.length > 0 && state.dialedAtMs > toldMs), "everybody dialed another");
      const dialedMs = clients.map(({ state }) => state.dialedAtMs - toldMs).sort((one, other) => one - other);
      const fullest = Math.max(...dialedMs.map((fromMs) => dialedMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + MOMENT_MS).length));
      const spreadMs = (dialedMs.at(-1) ?? 0) - (dialedMs[0] ?? 0);
      world.note(`they dialed over ${spreadMs.toFixed(0)} ms, at most ${String(fullest)} of ${String(clients.length)} within ${String(MOMENT_MS)} ms`);
      const code = await stopping;
      return [
        ...(code === 0 ? [] : [`${leaving.name} exited with ${String(code)}`]),
        ...(fullest <= clients.length * 0.3 ? [] : [`${String(fullest)} of ${String(clients.length)} came back within ${String(MOMENT_MS)} ms`]),
        ...(spreadMs >= 1_500 ? [] : [`all came back within ${spreadMs.toFixed(0)} ms`]),
      ];
    },
  },
  {
    name: "every connector is killed at once, and clients storm the ones that come",
    fault: "reconnect storm", transport: "both", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      await world.joinMany(150, { channels: CHANNELS, backoffMs: 2_000 });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await traffic.flow(200);
      await Promise.all(world.connectors.map((connector) => connector.kill()));
      await traffic.flow(300);
      await Promise.all(world.connectors.map((connector) => connector.start()));
      await traffic.flow(300);
      return undefined;
    },
  },
  {
    name: "the publish service is killed while it publishes: keys make every retry one message",
    fault: "publish killed", transport: "both", history: "long", isShort: true, world: { nats: "single", connectors: 2, publishes: 2 },
    async run(world) {
      await world.joinMany(6, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 8, everyMs: 0 });
      for (let rounds = 0; rounds < world.times(4); rounds++) {
        await traffic.flow(300);
        const doomed = world.random.pick(world.publishes);
        await doomed.kill();
        await traffic.flow(100);
        await doomed.start();
      }
      return undefined;
    },
  },
];
