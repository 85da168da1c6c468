import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";

/** The connectors' own memory would reach further than the history. */
const WITHOUT_MEMORY = { nats: "single", connectors: 3, limits: { ringBytesPerChannel: 1_000 } } as const;
/** How long the namespace `young` keeps a message. */
const AGE_MS = 12_000;

/** What happens at the end of a history's age: its namespace keeps messages for 12 s. */
export const expiryScenarios: readonly Scenario[] = [
  {
    name: "a history that expires: those who come back after it are told so, those before it get everything",
    fault: "history expired", transport: "both", history: "short", world: WITHOUT_MEMORY, honest: ["unrecovered", "HISTORY_LOST"],
    async run(world) {
      const clients = await world.joinMany(8, { channels: ["young.a"] });
      const traffic = world.traffic({ channels: ["young.a"], everyMs: 50 });
      await traffic.flow(30);
      const [early, late] = [clients.slice(0, 4), clients.slice(4)];
      for (const client of clients) client.leave();
      await pause(3_000);
      for (const client of early) client.comeBack();
      await traffic.flow(20);
      const faults = early.flatMap(({ state }) => state.breaks.map((reason) => `${state.name} was away for 3 of 12 s and was told ${reason}`));
      await pause(14_000);
      for (const client of late) client.comeBack();
      await traffic.flow(60);
      for (const { state } of late) if (state.breaks.length === 0) faults.push(`${state.name} was away for longer than the history and was told nothing`);
      return faults;
    },
  },
  {
    name: "a quiet channel's history expires between its messages: those who stay get each, and no loss is told",
    fault: "history expired", transport: "both", history: "short", world: { nats: "single", connectors: 2 },
    async run(world) {
      const channels = ["young.a", "young.b"];
      await world.joinMany(6, { channels });
      for (let rounds = 0; rounds < 2; rounds++) {
        await world.publishOnce(channels);
        await pause(AGE_MS + 2_000);
      }
      // What comes now follows nothing that is stored.
      await world.publishOnce(channels);
      return undefined;
    },
  },
];
