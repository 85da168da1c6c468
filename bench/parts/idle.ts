import { setTimeout as pause } from "node:timers/promises";
import { Audience } from "../contenders/audience.js";
import type { Contender } from "../contenders/contender.js";
import { startFloor } from "../contenders/floorContender.js";
import { type HalleyContender, startHalley } from "../contenders/halleyContender.js";
import { besides } from "../contenders/besides.js";
import type { Arrival } from "../load/crowd.js";
import type { Part, PartContext, PartResult } from "../part.js";
import { presentPeers } from "../peers/all.js";
import { cpuOf, cpuSince, usageOfAll } from "../process/usage.js";
import { summarizeHeap } from "../profile/summarizeHeap.js";

/** A process may have 20,000 file descriptors, the load generator's too. */
const CONNECTIONS = 15_000;
const CHANNELS = ["bench.idle"];
/** Connections that are being opened at a time. */
const CONCURRENCY = 200;
/** Twice from one ping to the next, so that each connection is pinged twice. */
const WATCH_MS = 50_000;
/** What arriving leaves to do is done by then. */
const REST_MS = 5_000;

/** What one server's connections cost. */
interface Cost {
  readonly arrival: Arrival;
  readonly emptyBytes: number;
  /** With all connections: when the last has come, and after the watch, garbage collected where that can be asked for. */
  readonly arrivedBytes: number;
  readonly settledBytes: number;
  /** While nothing was published. */
  readonly seconds: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Growth of nats-server beside Halley's connector. */
  readonly natsBytes?: number;
}

/** Many WebSockets that do nothing but answer pings, each a user of its own: their memory and CPU. */
export const idle: Part = {
  name: "idle",
  title: "Idle: 15,000 WebSockets, signed in, own inbox and one channel each",
  async run(context) {
    const connections = context.quick ? 1_000 : CONNECTIONS;
    const costs: Record<string, Cost> = {};
    const starts = [() => startHalley(context), () => startFloor(context.signal), ...(await presentPeers(context.say)).map((peer) => () => peer.start(context))];
    for (const start of starts) {
      const contender = await start();
      try {
        context.say(`${contender.name}: ${String(connections)} connections`);
        costs[contender.name] = await costOf(contender, connections, context);
      } finally {
        await contender.stop();
      }
    }
    return resultOf(costs, connections);
  },
};

async function costOf(contender: Contender | HalleyContender, connections: number, context: PartContext): Promise<Cost> {
  const { pids } = contender;
  const { quick, signal } = context;
  const audience = new Audience(contender, { connections, concurrency: CONCURRENCY, channels: CHANNELS }, signal);
  try {
    await contender.settle();
    const emptyBytes = usageOfAll(pids.server).rssBytes;
    const natsBefore = natsBytesOf(contender);
    const arrival = await audience.open();
    const arrivedBytes = usageOfAll(pids.server).rssBytes;
    await contender.settle();
    await pause(quick ? 200 : REST_MS, undefined, { signal });
    const before = cpuOf(pids);
    const beganMs = performance.now();
    await pause(quick ? 1_000 : WATCH_MS, undefined, { signal });
    const cpuSeconds = cpuSince(before, pids);
    const seconds = (performance.now() - beganMs) / 1_000;
    await contender.settle();
    const settledBytes = usageOfAll(pids.server).rssBytes;
    const natsBytes = natsBytesOf(contender) - natsBefore;
    await audience.expectSilence();
    if ("installation" in contender) await heapOf(contender, connections, context);
    return { arrival, emptyBytes, arrivedBytes, settledBytes, seconds, cpuSeconds, ...(pids["nats"] !== undefined && { natsBytes }) };
  } finally {
    await audience.stop();
  }
}

function natsBytesOf({ pids: { ["nats"]: nats } }: Contender): number {
  return nats === undefined ? 0 : usageOfAll(nats).rssBytes;
}

async function heapOf({ installation }: HalleyContender, connections: number, { profiles, say }: PartContext): Promise<void> {
  if (profiles === undefined) return;
  const file = `${profiles}/idle-connector.heapsnapshot`;
  await installation.connector.process.ask("heapSnapshot", { file });
  say(`${file}, per connection:\n${summarizeHeap(file, connections)}`);
}

function resultOf(costs: Readonly<Record<string, Cost>>, connections: number): PartResult {
  const perConnection = (bytes: number): number => bytes / connections / 1_024;
  const percent = (seconds: number | undefined, of: number): number => ((seconds ?? 0) / of) * 100;
  const { halley } = costs;
  return {
    rows: [
      { what: "memory per connection, settled", unit: "KiB", ...besides(costs, ({ settledBytes, emptyBytes }) => perConnection(settledBytes - emptyBytes)), bar: { of: "value", atMost: 9 } },
      { what: "memory per connection, just arrived", unit: "KiB", ...besides(costs, ({ arrivedBytes, emptyBytes }) => perConnection(arrivedBytes - emptyBytes)) },
      { what: "nats-server's memory per connection", unit: "KiB", value: perConnection(halley?.natsBytes ?? NaN) },
      { what: "CPU with pings every 25 s, of a core", unit: "%", ...besides(costs, ({ cpuSeconds, seconds }) => percent(cpuSeconds["server"], seconds)), bar: { of: "value", atMost: 2 } },
      { what: "the same of nats-server", unit: "%", value: percent(halley?.cpuSeconds["nats"], halley?.seconds ?? NaN) },
    ],
    details: { connections, costs },
  };
}
