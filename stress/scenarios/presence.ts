import { setTimeout as pause } from "node:timers/promises";
import { PresenceTrial } from "../presence/presenceTrial.js";
import type { Scenario } from "../scenario.js";

const WORLD = { nats: "single", connectors: 3, presences: 2 } as const;

/** What clients do, and what presence says of it. */
export const presenceScenarios: readonly Scenario[] = [
  {
    name: "presence: users come and go with several tabs and devices, each is one user, and offline with the last",
    fault: "tabs churn", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(12, 3);
      await trial.watch();
      const [first, second, third] = await trial.open(1, 3, { transport: "websocket" });
      await trial.agrees(1_500, "all came");
      first?.sayGoodbye();
      second?.sayGoodbye();
      await trial.agrees(1_500, "two of three tabs said goodbye", { counts: false });
      third?.sayGoodbye();
      await trial.agrees(1_500, "the last tab said goodbye", { counts: false });
      await trial.churn(tabs, 8_000, 30);
      // A poll's grace, and some.
      await trial.agrees(12_500, "churn");
      return trial.check();
    },
  },
  {
    name: "presence: pages are reloaded at other connectors, and nobody leaves",
    fault: "page reloaded", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(20, 1);
      await trial.watch();
      for (let reloads = 0; reloads < 60; reloads++) {
        const tab = world.random.pick(tabs);
        tab.client.leave();
        const awayMs = world.random.between(0, 3_000);
        setTimeout(() => { tab.client.comeBack(); }, awayMs);
        await pause(200);
      }
      await trial.agrees(10_000, "reloads");
      for (const replica of trial.replicas) if (replica.changes > 0) trial.fault(`${replica.service.name} told ${String(replica.changes)} changes, though nobody came or went`);
      return trial.check();
    },
  },
  {
    name: "presence: pollers whose polls go to any connector are online between them, and gone 10 s after the last",
    fault: "polls anywhere", transport: "long-poll", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(16, 1, { transport: "poll" });
      await trial.watch();
      await trial.agrees(3_000, "all polled once");
      await pause(14_000);
      // Each session is counted once, though three connectors may know it.
      await trial.agrees(6_000, "polls went round");
      for (const tab of tabs) tab.vanish();
      await pause(9_000);
      if ((await trial.replicas[0]?.stats())?.online_users !== tabs.length) trial.fault("pollers were gone within 9 s of their last poll");
      await trial.agrees(3_000, "12 s after the last polls");
      return trial.check();
    },
  },
  {
    name: "presence: clients change transport and connector all the time, and nobody leaves",
    fault: "transport changed", transport: "mixed", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(12, 1);
      await trial.watch();
      for (let changes = 0; changes < 120; changes++) {
        world.random.pick(tabs).switchTo(world.random.pick(["websocket", "poll"]));
        await pause(world.random.between(0, 250));
      }
      // What is left of earlier connections ends within 10 s.
      await trial.agrees(12_000, "changes");
      await pause(6_000);
      await trial.agrees(1_500, "quiet", { counts: false });
      const webSockets = tabs.filter(({ transport }) => transport === "websocket").length;
      for (const replica of trial.replicas) {
        const { sessions_by_transport: by } = await replica.stats();
        if (by["websocket"] !== webSockets) trial.fault(`${replica.service.name} counts ${String(by["websocket"])} WebSockets, not ${String(webSockets)}`);
        if (replica.changes > 0) trial.fault(`${replica.service.name} told ${String(replica.changes)} changes, though nobody came or went`);
      }
      return trial.check();
    },
  },
];

