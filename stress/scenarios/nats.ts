import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";

const CHANNELS = ["chat.a", "chat.b", "news.a"];
const WORLD = { nats: "single", connectors: 2 } as const;

/** What happens to the one nats-server. */
export const natsScenarios: readonly Scenario[] = [
  {
    name: "nats-server is stopped and started again, three times",
    fault: "nats stopped", transport: "both", history: "long", isShort: true, world: WORLD,
    async run(world) {
      await world.joinMany(10, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 2 });
      for (let rounds = 0; rounds < world.times(3); rounds++) {
        await traffic.flow(200);
        await world.nats.stop();
        await pause(500);
        await world.nats.start();
      }
      await traffic.flow(200);
      return undefined;
    },
  },
  {
    name: "nats-server is killed under load, three times",
    fault: "nats killed", transport: "both", history: "long", isShort: true, world: WORLD,
    async run(world) {
      await world.joinMany(10, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 8, everyMs: 0 });
      for (let rounds = 0; rounds < world.times(3); rounds++) {
        await traffic.flow(500);
        await world.nats.stop(true);
        await pause(world.random.between(100, 2_000));
        await world.nats.start();
      }
      await traffic.flow(500);
      return undefined;
    },
  },
  {
    name: "nats-server is frozen for 6 s, twice",
    fault: "nats frozen", transport: "both", history: "long", world: WORLD,
    async run(world) {
      await world.joinMany(8, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 5 });
      for (let rounds = 0; rounds < 2; rounds++) {
        await traffic.flow(200);
        world.nats.process.kill("SIGSTOP");
        await pause(6_000);
        world.nats.process.kill("SIGCONT");
      }
      await traffic.flow(200);
      return undefined;
    },
  },
];
