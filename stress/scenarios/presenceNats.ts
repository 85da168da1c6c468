import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { CHANNELS, PresenceTrial } from "../presence/presenceTrial.js";
import { SimulatedConnector, type SimulatedSession } from "../presence/simulatedConnector.js";
import type { Scenario } from "../scenario.js";

/** To be connected again, a round of heartbeats, and the snapshots that it asks for. */
const RECONNECTED_MS = 10_000;
const POLL_GRACE_MS = 10_000;
/** Who comes back while connectors look for another server waits for it. */
const SURE_MS = 5_000;
const SESSIONS = 20_000;
const VISIT_MS = 1_000;

/** What happens to NATS, and many sessions. */
export const presenceNatsScenarios: readonly Scenario[] = [
  {
    name: "presence: nats-server is restarted while users come and go: nobody flickers, and all is true after a round",
    fault: "nats restarted", transport: "both", history: "any", world: { nats: "single", connectors: 2, presences: 2 },
    async run(world) {
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(10, 2, { sureMs: SURE_MS });
      await trial.open(10, 1);
      await trial.watch([20_000, 20_000]);
      for (let rounds = 0; rounds < 2; rounds++) {
        const churn = trial.churn(tabs, 5_000, 80);
        await pause(1_500);
        await world.nats.stop(rounds === 1);
        await pause(world.random.between(200, 2_000));
        await world.nats.start();
        await churn;
        await trial.agrees(RECONNECTED_MS + POLL_GRACE_MS, "NATS was restarted");
      }
      return trial.check();
    },
  },
  {
    name: "presence: cluster: the route between a connector's server and a replica's is cut for 15 s, and heals",
    fault: "route cut", transport: "websocket", history: "any", world: { nats: "cluster", connectors: 0 },
    async run(world) {
      const [near, far] = world.cluster.nodes;
      if (!near || !far) throw new Error("a cluster is needed");
      await Promise.all([world.addConnector([near.url]), world.addConnector([far.url]), world.addPresence([near.url]), world.addPresence([far.url])]);
      const trial = new PresenceTrial(world);
      const byConnector = [];
      for (const { port } of world.connectors) byConnector.push(await trial.open(8, 1, { transport: "websocket", ports: () => [port] }));
      await trial.agrees(3_000, "all came");
      world.cluster.routes.cut(near.name, far.name);
      await pause(15_000);
      // Each replica says what it hears: of its own side, whole.
      for (const [at, replica] of trial.replicas.entries()) {
        const { sessions } = await replica.stats();
        const heard = byConnector[at]?.length ?? 0;
        if (sessions !== heard) trial.fault(`${replica.service.name} has ${String(sessions)} sessions, not ${String(heard)}, while its route is cut`);
      }
      world.cluster.routes.heal(near.name, far.name);
      await trial.agrees(RECONNECTED_MS, "the route healed");
      return trial.check();
    },
  },
  {
    name: "presence: cluster: the server of a replica is killed, and nobody flickers there",
    fault: "nats node killed", transport: "both", history: "any", world: { nats: "cluster", connectors: 2 },
    async run(world) {
      const [, , node] = world.cluster.nodes;
      if (!node) throw new Error("a cluster is needed");
      await Promise.all([world.addPresence([node.url, ...world.natsUrls]), world.addPresence()]);
      const trial = new PresenceTrial(world);
      const tabs = await trial.open(10, 2, { sureMs: SURE_MS });
      await trial.open(10, 1);
      await trial.watch([20_000, 20_000]);
      const churn = trial.churn(tabs, 6_000, 80);
      await pause(1_000);
      await node.stop(true);
      await churn;
      await trial.agrees(RECONNECTED_MS + POLL_GRACE_MS, "a server was killed");
      await node.start();
      await trial.agrees(RECONNECTED_MS, "it came back");
      return trial.check();
    },
  },
  {
    name: "presence: 20,000 sessions of simulated connectors, a fifth of which come and go, one connector killed",
    fault: "many sessions", transport: "none", history: "any", world: { nats: "single", connectors: 0, presences: 2 },
    async run(world) {
      const trial = new PresenceTrial(world);
      const connectors = await Promise.all(["a", "b", "c", "d"].map((name) => SimulatedConnector.start(world.natsUrls, name, trial.truth)));
      world.onLeave(async () => { for (const connector of connectors) await connector.kill(); });
      const sessions = Array.from({ length: SESSIONS }, (_, n): SimulatedSession => ({ id: randomBytes(16), user: `s${String(n % (SESSIONS * 0.8))}`, channels: n % 10 === 0 ? CHANNELS : [] }));
      for (const [n, session] of sessions.entries()) connectors[n % connectors.length]?.open(session);
      await trial.agrees(10_000, `${String(SESSIONS)} came`, { counts: false });
      await trial.watch();
      for (let rounds = 0; rounds < SESSIONS / 5; rounds++) {
        const connector = world.random.pick(connectors);
        const session = world.random.pick(sessions);
        const owner = connectors.find((one) => one.sessions.has(session));
        // A visit of less than a heartbeat's gathering that ends with a goodbye is never told.
        const openedMs = owner?.sessions.get(session) ?? 0;
        if (Date.now() - openedMs < VISIT_MS) continue;
        if (owner) owner.close(session, world.random.next() < 0.5 ? 0 : 5_000);
        else connector.open(session);
        if (rounds % 20 === 0) await pause(10);
      }
      await trial.agrees(9_000, "churn", { counts: false });
      const [doomed] = connectors.splice(0, 1);
      await doomed?.kill();
      for (const session of doomed?.sessions.keys() ?? []) trial.truth.went(session, session.user, session.channels, { graceMs: 6_500, isSure: true });
      await trial.agrees(17_000, "a connector was killed", { counts: false });
      for (const { service } of trial.replicas) world.note(`${service.name}: ${rssOf(service.pid)} MiB resident`);
      return trial.check();
    },
  },
];

function rssOf(pid: number): string {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
  return (Number(kib) / 1_024).toFixed(0);
}
