import { setTimeout as pause } from "node:timers/promises";
import type { StressClient } from "../clients/client.js";
import type { Scenario } from "../scenario.js";

/** The connectors' own memory would reach further than the history. */
const WITHOUT_MEMORY = { nats: "single", connectors: 3, limits: { ringBytesPerChannel: 1_000 } } as const;
/** How long the namespace `young` keeps a message. */
const AGE_MS = 12_000;
/** So long before its end a history counts as expired. */
const MARGIN_MS = 5_000;
/** What a client and a busy machine take to come back. */
const BACK_MS = 1_500;
const RETURNS = 32;

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
  {
    name: "a history at the edge of its expiry: whoever comes back across it has everything, or is told",
    fault: "history expired", transport: "both", history: "short", honest: ["unrecovered", "HISTORY_LOST"],
    // Nor may a channel that was left remember.
    world: { ...WITHOUT_MEMORY, limits: { ringBytesPerChannel: 1_000, lingerMs: 100 } },
    async run(world) {
      const channels = Array.from({ length: RETURNS }, (_, index) => `young.edge${String(index)}`);
      const clients: StressClient[] = [];
      for (const [index, channel] of channels.entries()) clients.push(await world.join({ channels: [channel], transport: index % 2 === 0 ? "websocket" : "poll" }));
      await world.publishOnce(channels);
      await world.complete();
      for (const client of clients) client.leave();
      await pause(1_000);
      const publishedMs = Date.now();
      await world.publishOnce(channels);
      await pause(MARGIN_MS - (Date.now() - publishedMs));
      const backMs = new Map<StressClient, number>();
      for (const client of clients) {
        backMs.set(client, Date.now() - publishedMs);
        client.comeBack();
        await pause(300);
      }
      await world.complete(5_000);
      const told = clients.filter(({ state }) => state.breaks.length > 0);
      const early = told.filter((client) => (backMs.get(client) ?? 0) < AGE_MS - MARGIN_MS - BACK_MS);
      const late = clients.filter((client) => !told.includes(client) && (backMs.get(client) ?? 0) > AGE_MS);
      world.note(`${String(told.length)} of ${String(RETURNS)} were told`);
      return [
        ...early.map(({ state }) => `${state.name} came back in time and was told ${state.breaks.join(", ")}`),
        ...late.map(({ state }) => `${state.name} came back after the history's age and was told nothing`),
      ];
    },
  },
];
