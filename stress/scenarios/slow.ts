import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";
import { FLOOD, SlowTrial } from "../slow/slowTrial.js";

const WORLD = { nats: "single", connectors: 1 } as const;
const SLOW = 40;
const MANY_SLOW = 200;
const MINUTE_MS = 60_000;
/**
 * On loopback a slow reader's window opens in steps of 64 KB: it would be taken for stuck for the better part of a minute. And
 * 200 clients in one process, each with 60 MB to catch up on, answer pings late.
 */
const PATIENT = { stuckMs: 300_000, pongMs: 120_000 } as const;

/** A namespace whose history reaches back so far, as far as bytes go. */
function lasting(age: string): object {
  return { chat: { history: { messages: 100_000, age, bytes: "2GiB" }, subscribe: "signed-in", untyped: true } };
}

/** Clients that read too slowly. */
export const slowScenarios: readonly Scenario[] = [
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s with a long history, then catch up and have everything",
    fault: "slow consumer", transport: "websocket", history: "long", world: WORLD,
    async run(world) {
      const trial = new SlowTrial(world, { channel: "chat.a", slow: SLOW, slowMs: 15_000 });
      await trial.run();
      return [...(await trial.completed()), ...trial.judge()];
    },
  },
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s with a short history, and are told what they missed",
    fault: "slow consumer", transport: "websocket", history: "short", honest: ["HISTORY_LOST"],
    world: { ...WORLD, limits: { ringBytesPerChannel: 500_000 }, namespaces: { short: { history: { messages: 300, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", untyped: true } } },
    async run(world) {
      const trial = new SlowTrial(world, { channel: "short.a", slow: SLOW, slowMs: 12_000 });
      await trial.run();
      return [...(await trial.verdicts()), ...(await trial.completed()), ...trial.judge()];
    },
  },
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s without history, are told so and go on with the newest",
    fault: "slow consumer", transport: "websocket", history: "none", honest: ["HISTORY_LOST"],
    world: { ...WORLD, limits: { ringBytesPerChannel: 2_000_000 } },
    async run(world) {
      const trial = new SlowTrial(world, { channel: "live.a", slow: SLOW, slowMs: 12_000 });
      await trial.run();
      return [...(await trial.verdicts()), ...(await trial.completed()), ...trial.judge()];
    },
  },
  {
    name: "slow: 200 clients read 1 KB/s of 1 MB/s for a minute with 10 minutes of history, then catch up and have everything",
    fault: "slow consumer", transport: "websocket", history: "long", isLong: true, world: { ...WORLD, limits: PATIENT, namespaces: lasting("10m") },
    async run(world) {
      const trial = new SlowTrial(world, { channel: "chat.a", slow: MANY_SLOW, slowMs: MINUTE_MS });
      await trial.run();
      return [...(await trial.completed()), ...trial.judge()];
    },
  },
  {
    name: "slow: 200 clients read 1 KB/s of 1 MB/s for a minute with 10 s of history, and are told what they missed",
    fault: "slow consumer", transport: "websocket", history: "short", isLong: true, honest: ["HISTORY_LOST"], world: { ...WORLD, limits: PATIENT, namespaces: lasting("10s") },
    async run(world) {
      const trial = new SlowTrial(world, { channel: "chat.a", slow: MANY_SLOW, slowMs: MINUTE_MS });
      await trial.run();
      return [...(await trial.verdicts()), ...(await trial.completed()), ...trial.judge()];
    },
  },
  {
    name: "slow: a client that reads nothing is closed with 3001, and comes back to everything",
    fault: "stuck consumer", transport: "websocket", history: "long", closeCodes: [3001], world: { ...WORLD, limits: { stuckMs: 3_000 } },
    async run(world) {
      const clients = await world.joinMany(6, { channels: ["chat.a"], transport: "websocket" });
      const stuck = clients.slice(0, 3);
      world.traffic({ channels: ["chat.a"], ...FLOOD });
      await pause(1_000);
      for (const client of stuck) client.read(false);
      await world.until(async () => (await world.metric("halley_connector_sessions")) === clients.length - stuck.length, "the stuck ones were closed", 30_000);
      for (const client of stuck) client.read(true);
      await world.until(() => stuck.every(({ state }) => state.closeCodes.length > 0), "the stuck ones heard of their end");
      return clients.flatMap(({ state }) => {
        const expected = stuck.some((client) => client.state === state) ? "3001" : "";
        const codes = state.closeCodes.join(", ");
        return codes === expected ? [] : [`${state.name} was closed with "${codes}", not with "${expected}"`];
      });
    },
  },
];
