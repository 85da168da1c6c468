import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CHANNELS, PresenceTrial } from "../presence/presenceTrial.js";
import { SimulatedConnector, type SimulatedSession } from "../presence/simulatedConnector.js";
import type { Scenario } from "../scenario.js";

const WORLD = { nats: "single", connectors: 3, presences: 2 } as const;
/** A lease, less the time since the last heartbeat. */
const LEASE_AT_LEAST_MS = 12_000 - 5_500;

/** What happens to connectors, and what presence says of their users. */
export const presenceConnectorScenarios: readonly Scenario[] = [
  {
    name: "presence: a connector is killed: its users are offline within 15 s, unless they came back",
    fault: "connector killed", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(24, 1);
      await trial.watch();
      await trial.agrees(3_000, "all came");
      const [doomed] = world.connectors;
      await doomed?.kill();
      // Some never come back; a poller was at the others, too.
      for (const tab of tabs.slice(0, 8)) tab.vanish(5_000);
      await trial.agrees(15_000, "a connector was killed");
      await doomed?.start();
      await trial.churn(tabs.slice(0, 8), 2_000, 100);
      await trial.agrees(13_000, "another one started");
      return trial.check();
    },
  },
  {
    name: "presence: a connector is frozen for longer than its lease: who moved is never gone, who stayed is back after it",
    fault: "connector frozen", transport: "websocket", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const [frozen, ...others] = world.connectors;
      if (!frozen) throw new Error("no connector");
      const ports = { now: [frozen.port] };
      const moving = await trial.open(8, 1, { transport: "websocket", ports: () => ports.now });
      const staying = await trial.open(8, 1, { transport: "websocket", ports: () => [frozen.port] });
      await trial.watch();
      await trial.agrees(3_000, "all came");
      ports.now = others.map(({ port }) => port);
      frozen.freeze();
      for (const tab of moving) tab.client.cut();
      for (const tab of staying) tab.lose(LEASE_AT_LEAST_MS);
      await trial.agrees(15_000, "a connector was frozen");
      for (const tab of staying) tab.regain();
      frozen.thaw();
      await trial.agrees(7_000, "it went on");
      await pause(6_000);
      await trial.agrees(1_500, "quiet");
      return trial.check();
    },
  },
  {
    name: "presence: a deploy of all connectors, one after another, and nobody leaves",
    fault: "deploy", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      await trial.open(40, 1);
      await trial.watch();
      const traffic = world.traffic({ channels: ["chat.a"], everyMs: 20 });
      for (const connector of world.connectors) {
        await traffic.flow(30);
        await connector.stop();
        await connector.start();
      }
      await trial.agrees(7_000, "deploy");
      await pause(6_000);
      for (const replica of trial.replicas) if (replica.changes > 0) trial.fault(`${replica.service.name} told ${String(replica.changes)} changes, though nobody came or went`);
      return trial.check();
    },
  },
  {
    name: "presence: a connector dies and another process takes its name: who is there again was never gone, the others are gone within 7 s",
    fault: "same id, another incarnation", transport: "none", history: "any", world: { ...WORLD, connectors: 0 },
    async run(world) {
      const trial = new PresenceTrial(world);
      const sessions = Array.from({ length: 200 }, (_, n): SimulatedSession => ({ id: randomBytes(16), user: `s${String(n % 150)}`, channels: CHANNELS.slice(0, 1 + (n % 2)) }));
      const first = await SimulatedConnector.start(world.natsUrls, "edge", trial.truth);
      for (const session of sessions) first.open(session);
      await trial.agrees(3_000, "all came", { counts: false });
      await trial.watch();
      await first.kill();
      const second = await SimulatedConnector.start(world.natsUrls, "edge", trial.truth);
      world.onLeave(() => second.kill());
      const [back, gone] = [sessions.slice(0, 100), sessions.slice(100)];
      for (const session of gone) trial.truth.went(session, session.user, session.channels, { graceMs: 4_500, isSure: true });
      for (const session of back) {
        await pause(world.random.between(0, 30));
        second.open(session);
      }
      await trial.agrees(7_000, "another took the name", { counts: false });
      return trial.check();
    },
  },
];
