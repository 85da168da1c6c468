import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";

const CHANNELS = ["chat.a", "chat.b", "news.a"];

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
      for (const { state } of clients) for (const code of state.closeCodes) if (code !== 3000) faults.push(`${state.name} was closed with ${String(code)}, not with 3000`);
      return faults;
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
