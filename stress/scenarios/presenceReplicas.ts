import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { PresenceTrial } from "../presence/presenceTrial.js";
import type { Scenario } from "../scenario.js";
import { NatsInterposer } from "../world/natsInterposer.js";

const WORLD = { nats: "single", connectors: 2, presences: 2 } as const;
/** A round of heartbeats, and the snapshots that it asks for. */
const ROUND_MS = 7_500;
/** What waited for a replica that stood still has been read. */
const THAWED_MS = 2_500;

/** What happens to one of two replicas. */
export const presenceReplicaScenarios: readonly Scenario[] = [
  {
    name: "presence: a replica is killed and started again: it answers nothing before it knows all, within a round of heartbeats",
    fault: "replica killed", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(30, 1);
      await trial.watch();
      for (const tab of tabs.slice(0, 5)) tab.vanish();
      await trial.agrees(13_000, "some went");
      const [doomed] = trial.replicas;
      if (!doomed) throw new Error("no replica");
      await doomed.kill();
      for (const tab of tabs.slice(0, 5)) tab.comeBack();
      await doomed.start();
      const startedMs = performance.now();
      for (;;) {
        const [difference] = await doomed.differences(false);
        if (difference === undefined) break;
        if (!difference.includes("can't answer now")) trial.fault(`one of its first answers was wrong: ${difference}`);
        if (!difference.includes("can't answer now") || performance.now() - startedMs > ROUND_MS) break;
        await pause(20);
      }
      await trial.agrees(Math.max(0, ROUND_MS - (performance.now() - startedMs)), "a replica started");
      doomed.watchAgain();
      await trial.churn(tabs, 3_000, 50);
      await trial.agrees(12_500, "churn");
      return trial.check();
    },
  },
  {
    name: "presence: a replica is frozen for 15 s while users leave and come back: when it goes on it answers with what is true then, and tells only that",
    fault: "replica frozen", transport: "both", history: "any", world: WORLD,
    async run(world) {
      const trial = new PresenceTrial(world);
      const [frozen] = trial.replicas;
      if (!frozen) throw new Error("no replica");
      const tabs = await trial.open(30, 1);
      await trial.watch();
      const [returning, leaving] = [tabs.slice(0, 10), tabs.slice(10, 15)];
      frozen.service.freeze();
      for (const tab of [...returning, ...leaving]) tab.sayGoodbye();
      await pause(4_000);
      for (const tab of returning) tab.comeBack();
      await trial.open(5, 1);
      await pause(11_000);
      // Asked before it goes on: answered when it does.
      const asked = Array.from({ length: 20 }, () => frozen.differences(false));
      await pause(100);
      frozen.service.thaw();
      for (let more = 0; more < 25; more++) {
        await pause(20);
        asked.push(frozen.differences(false));
      }
      for (const [difference] of await Promise.all(asked)) if (difference !== undefined && !difference.includes("can't answer now")) trial.fault(`one of its first answers was wrong: ${difference}`);
      await trial.agrees(THAWED_MS, "a replica went on");
      await trial.churn(tabs, 3_000, 50);
      await trial.agrees(12_500, "churn");
      return trial.check();
    },
  },
  {
    name: "presence: heartbeats to one replica are lost, doubled, late and out of order: it is right within a round after it",
    fault: "heartbeats lost", transport: "both", history: "any", world: { ...WORLD, presences: 1 },
    async run(world) {
      const interposer = await NatsInterposer.start(world.nats.port);
      world.onStop(() => interposer.stop());
      await world.addPresence([interposer.url]);
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(10, 3);
      const steady = await trial.open(10, 1);
      // The one that hears badly may tell late, but nothing that never was.
      await trial.watch([undefined, 10_000]);
      interposer.decide = (subject) => {
        if (!subject.startsWith("halley.presence.heartbeat.")) return "pass";
        const chance = world.random.next();
        if (chance < 0.2) return "drop";
        if (chance < 0.4) return "twice";
        return chance < 0.7 ? { afterMs: world.random.between(1, 1_500) } : "pass";
      };
      await trial.churn(tabs, 12_000, 60);
      interposer.decide = () => "pass";
      if (interposer.touched < 50) trial.fault(`only ${String(interposer.touched)} heartbeats were touched`);
      await trial.agrees(12_500, `${String(interposer.touched)} heartbeats were lost, doubled or late`);
      for (const { user } of steady) if (!trial.truth.present("").has(user)) trial.fault(`${user} is not there`);
      return trial.check();
    },
  },
  {
    name: "presence: one replica does not hear one connector for 15 s: only it loses the users, and has them again within a round",
    fault: "connector unheard", transport: "both", history: "any", world: { ...WORLD, presences: 1 },
    async run(world) {
      const interposer = await NatsInterposer.start(world.nats.port);
      world.onStop(() => interposer.stop());
      await world.addPresence([interposer.url]);
      const trial = new PresenceTrial(world);
      await trial.open(20, 1, { transport: "websocket" });
      await trial.agrees(3_000, "all came");
      const [well, deaf] = trial.replicas;
      if (!well || !deaf) throw new Error("two replicas are needed");
      well.watch(["", "chat.a"]);
      const { connectors } = await well.stats();
      const [unheard, ...others] = connectors;
      interposer.decide = (subject) => (subject === `halley.presence.heartbeat.${unheard?.connector ?? ""}` ? "drop" : "pass");
      await pause(15_000);
      const { sessions } = await deaf.stats();
      const expected = others.reduce((sum, one) => sum + one.sessions, 0);
      if (sessions !== expected) trial.fault(`the deaf replica has ${String(sessions)} sessions, not the ${String(expected)} that it hears of`);
      await trial.agrees(500, "split", { replicas: [well] });
      interposer.decide = () => "pass";
      await trial.agrees(ROUND_MS, "healed");
      if (well.changes > 0) trial.fault(`the replica that hears everything told ${String(well.changes)} changes`);
      return trial.check();
    },
  },
];
