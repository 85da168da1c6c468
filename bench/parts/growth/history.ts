import { connect, type NatsConnection } from "nats";
import { StartedParts } from "../../../lib/lifecycle.js";
import { API_KEY, type Installation, JWT_SECRET, startBackend, startConnector } from "../../installation/installation.js";
import type { PublishersCommands } from "../../load/publishers.js";
import { fillHistory } from "../../load/recovery/fillHistory.js";
import { publishMissed } from "../../load/recovery/missed.js";
import type { Positions, ReturnersCommands } from "../../load/returners.js";
import type { Part, PartContext } from "../../part.js";
import { Child } from "../../process/child.js";
import { usageOf } from "../../process/usage.js";
import { median } from "../../statistics.js";
import { growthResult } from "./growthResult.js";

const NAMESPACE = "bench";
const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const QUICK_SIZES = [1_000, 10_000];
const PAYLOAD_BYTES = 128;
/** Channels that somebody comes back to at each size, one client each. */
const RETURNING = 10;
const MISSED = 50;
const RUNS = 3;
const PUBLISHES = 1_000;
/** Channels that hold the rest of the history. */
const FILLED = Array.from({ length: 100 }, (_, index) => `${NAMESPACE}.filled.${String(index)}`);

interface Bench {
  readonly context: PartContext;
  readonly installation: Installation;
  readonly nats: NatsConnection;
  readonly returners: Child<ReturnersCommands>;
  readonly publishers: Child<PublishersCommands>;
  readonly positions: Positions;
}

/** A longer and longer history: what coming back costs, and publishing. */
export const growthOfHistory: Part = {
  name: "growth-history",
  title: "Growth: messages in the history of a namespace",
  async run(context) {
    const parts = new StartedParts();
    try {
      const bench = await start(context, parts);
      const recovery: { size: number; value: number }[] = [];
      const publishing: { size: number; value: number }[] = [];
      await returnMs(bench, "warm");
      for (const size of context.quick ? QUICK_SIZES : SIZES) {
        context.say(`${String(size)} messages`);
        const missed = await prepareReturn(bench, String(size));
        await fillHistory(bench.nats, FILLED, { namespace: NAMESPACE, to: size, payloadBytes: PAYLOAD_BYTES });
        recovery.push({ size, value: await returnMs(bench, String(size), missed) });
        publishing.push({ size, value: await publishUs(bench) });
      }
      const curves = [
        { name: `recover ${String(MISSED)} missed, on a fresh connector, p50`, unit: "ms", points: recovery },
        { name: "CPU of service and NATS per unary publish", unit: "us", points: publishing },
      ];
      return growthResult({ name: "history", title: "A longer and longer history", axis: "messages", curves });
    } finally {
      await parts.stop();
    }
  },
};

async function start(context: PartContext, parts: StartedParts): Promise<Bench> {
  const { signal } = context;
  const installation = await startBackend(context);
  parts.add(installation, () => installation.stop());
  const returners = new Child<ReturnersCommands>({ name: "the clients", module: new URL("../../load/returners.js", import.meta.url), signal });
  parts.add(returners, () => returners.stop());
  const publishers = new Child<PublishersCommands>({ name: "the publisher", module: new URL("../../load/publishers.js", import.meta.url), signal });
  parts.add(publishers, () => publishers.stop());
  const { natsUrl, publish } = installation;
  const nats = await connect({ servers: natsUrl, name: "halley-bench" });
  parts.add(nats, (connection) => connection.close());
  await publishers.ask("start", { publishPort: publish.port, apiKey: API_KEY, natsUrl, channels: FILLED, payload: "{}" });
  const first = await startConnector(context, installation);
  const positions = await returners.ask("scout", { port: first.port, secret: JWT_SECRET, channels: [FILLED[0] ?? ""] });
  await first.process.stop();
  return { context, installation, nats, returners, publishers, positions };
}

type Prepared = Awaited<ReturnType<typeof prepareReturn>>;

/** Publishes one message to each of some new channels, where their clients will stand, and then what they miss. */
async function prepareReturn({ nats, positions }: Bench, name: string): Promise<{ positions: Positions; missed: Readonly<Record<string, readonly number[]>> }> {
  const channels = Array.from({ length: RETURNING }, (_, index) => `${NAMESPACE}.returning.${name}.${String(index)}`);
  const all = Object.entries(await publishMissed(nats, channels, { each: MISSED + 1, payloadBytes: PAYLOAD_BYTES }));
  // The epoch is that of the stream.
  const known = Object.values(positions.channels)[0];
  return {
    positions: { ...positions, channels: Object.fromEntries(all.map(([channel, [offset]]) => [channel, { ...known, offset }])) },
    missed: Object.fromEntries(all.map(([channel, offsets]) => [channel, offsets.slice(1)])),
  };
}

async function returnMs(bench: Bench, name: string, prepared?: Prepared): Promise<number> {
  const { context, installation, returners } = bench;
  const { positions, missed } = prepared ?? (await prepareReturn(bench, name));
  const tookMs: number[] = [];
  for (let run = 0; run < (context.quick ? 1 : RUNS); run++) {
    const connector = await startConnector(context, installation);
    try {
      const { p50Ms } = await returners.ask("comeBack", { port: connector.port, secret: JWT_SECRET, clients: RETURNING, positions, missed });
      tookMs.push(p50Ms);
    } finally {
      await connector.process.stop();
    }
  }
  return median(tookMs);
}

/** Of the publish service and nats-server, for one message. */
async function publishUs({ context, installation, publishers }: Bench): Promise<number> {
  const pids = [installation.publish.process.pid, installation.natsPid];
  const cpu = (): number => pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
  const count = context.quick ? PUBLISHES / 5 : PUBLISHES;
  const before = cpu();
  await publishers.ask("oneByOne", { count, channels: FILLED, payloadBytes: PAYLOAD_BYTES });
  return ((cpu() - before) * 1e6) / count;
}
