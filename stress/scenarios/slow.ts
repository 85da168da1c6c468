import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { startTcpProxy } from "../../test/helpers/tcpProxy.js";
import type { StressClient } from "../clients/client.js";
import type { Scenario } from "../scenario.js";
import { percentile } from "../world/percentile.js";
import type { World } from "../world/world.js";

const MIB = 1024 * 1024;
/** About 1 MB/s. */
const FLOOD = { bytes: 10_000, everyMs: 35, lanes: 4 } as const;
const FAST = 4;
const SLOW = 40;
const WORLD = { nats: "single", connectors: 1 } as const;

/** What a trial with slow clients gives. */
interface Trial {
  readonly fast: readonly StressClient[];
  readonly slow: readonly StressClient[];
  /** Delivery times to the fast ones, in milliseconds, before there were slow ones and while there were. */
  readonly beforeMs: readonly number[];
  readonly duringMs: readonly number[];
  /** The connector's memory then, and at most afterwards. */
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

/** Fast clients beside such that read 1 KB/s for `slowMs`, and then at full speed. */
async function slowTrial(world: World, channel: string, slowMs: number): Promise<Trial> {
  const [connector] = world.connectors;
  if (!connector) throw new Error("there must be a connector");
  const proxy = await startTcpProxy(connector.port);
  world.onLeave(() => proxy.stop());
  const ledger = world.ledger.of(channel);
  const times: { values: number[] } = { values: [] };
  const onPublication = (_: string, number: number): void => { times.values.push(performance.now() - (ledger.begunAtMs.get(number) ?? 0)); };
  const fast = await world.joinMany(FAST, { channels: [channel], transport: "websocket", onPublication });
  const isLive = channel.startsWith("live");
  world.traffic({ channels: [channel], ...FLOOD, ...(isLive ? { lanes: 1, everyMs: 7 } : {}) });
  await pause(5_000);
  const beforeMs = times.values;
  const beforeBytes = await connector.memoryBytes();
  // From the first byte on: else the system's own buffers would grow to many seconds' worth.
  proxy.faults.bytesPerSecond = 1_000;
  const slow = await world.joinMany(SLOW, { channels: [channel], transport: "websocket", ports: () => [proxy.port] });
  times.values = [];
  let peakBytes = 0;
  const untilMs = performance.now() + slowMs;
  while (performance.now() < untilMs) {
    peakBytes = Math.max(peakBytes, await connector.memoryBytes());
    await pause(250);
  }
  const duringMs = times.values;
  proxy.faults.bytesPerSecond = 0;
  return { fast, slow, beforeMs, duringMs, beforeBytes, peakBytes };
}

/** What docs/limits.md allows for slow clients: what is queued for each and a piece of history, and the ring; twice, for the garbage collector. */
const ALLOWED_BYTES = 2 * (SLOW * (256 + 128) * 1024 + MIB) + 64 * MIB;
const ALLOWED_RATIO = 3;
/** Below this a ratio says nothing on a busy machine. */
const ALLOWED_MS = 150;

function judge(world: World, { beforeMs, duringMs, beforeBytes, peakBytes }: Trial): string[] {
  const [before, during] = [percentile(beforeMs, 0.99), percentile(duringMs, 0.99)];
  world.notes.push(`p99 of the fast ones ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms beside ${String(SLOW)} slow ones (x ${(during / before).toFixed(2)}); memory ${(beforeBytes / MIB).toFixed(0)} MiB before, at most ${(peakBytes / MIB).toFixed(0)} MiB`);
  const faults: string[] = [];
  if (during > Math.max(ALLOWED_MS, ALLOWED_RATIO * before)) faults.push(`the fast ones' p99 went from ${before.toFixed(1)} to ${during.toFixed(1)} ms`);
  if (peakBytes - beforeBytes > ALLOWED_BYTES) faults.push(`slow clients cost ${((peakBytes - beforeBytes) / MIB).toFixed(0)} MiB, ${(ALLOWED_BYTES / MIB).toFixed(0)} are allowed`);
  return faults;
}

/** Who was told of a loss that was none, and who was not told of one. */
function verdicts({ fast, slow }: Trial): string[] {
  return [
    ...fast.flatMap(({ state }) => state.breaks.map((reason) => `${state.name} was fast and was told ${reason}`)),
    ...slow.filter(({ state }) => state.breaks.length === 0).map(({ state }) => `${state.name} was slow and was told nothing`),
  ];
}

/** Clients that read too slowly. */
export const slowScenarios: readonly Scenario[] = [
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s with a long history, then catch up and have everything",
    fault: "slow consumer", transport: "websocket", history: "long", world: WORLD,
    async run(world) {
      const trial = await slowTrial(world, "chat.a", 15_000);
      const faults = judge(world, trial);
      for (const { state } of trial.slow) for (const code of state.closeCodes) faults.push(`${state.name} was closed with ${String(code)}`);
      return faults;
    },
  },
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s with a short history, and are told what they missed",
    fault: "slow consumer", transport: "websocket", history: "short", honest: ["HISTORY_LOST"],
    world: { ...WORLD, limits: { ringBytesPerChannel: 500_000 }, namespaces: { short: { history: { messages: 300, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", untyped: true } } },
    async run(world) {
      const trial = await slowTrial(world, "short.a", 12_000);
      const faults = judge(world, trial);
      await world.until(() => trial.slow.every(({ state }) => state.breaks.length > 0), "every slow one was told").catch(() => undefined);
      return [...faults, ...verdicts(trial)];
    },
  },
  {
    name: "slow: 40 clients read 1 KB/s of 1 MB/s without history, are told so and go on with the newest",
    fault: "slow consumer", transport: "websocket", history: "none", honest: ["HISTORY_LOST"],
    world: { ...WORLD, limits: { ringBytesPerChannel: 2_000_000 } },
    async run(world) {
      const trial = await slowTrial(world, "live.a", 12_000);
      const faults = judge(world, trial);
      await world.until(() => trial.slow.every(({ state }) => state.breaks.length > 0), "every slow one was told").catch(() => undefined);
      return [...faults, ...verdicts(trial)];
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
