import { StartedParts } from "../../lib/lifecycle.js";
import type { SocketFloorCommands } from "../floors/socketFloor.js";
import { JWT_SECRET, startInstallation } from "../installation/installation.js";
import type { Arrival } from "../load/crowd.js";
import type { SubscribersCommands } from "../load/subscribers.js";
import type { Part, PartContext, PartResult } from "../part.js";
import { Child } from "../process/child.js";
import { usageOf } from "../process/usage.js";
import { profiled } from "../profile/profiled.js";
import { summarizeHeap } from "../profile/summarizeHeap.js";

const CHANNEL = "bench.idle";
/** Connections that are being opened at a time. */
const CONCURRENCY = 200;

/** What one server's connections cost. */
interface Cost {
  readonly arrival: Arrival;
  readonly emptyBytes: number;
  /** With all connections, before and after the garbage is collected. */
  readonly arrivedBytes: number;
  readonly settledBytes: number;
}

/** Many WebSockets that do nothing, each a user of its own: their memory, and how fast they come in. */
export const idle: Part = {
  name: "idle",
  title: "Idle: 10,000 WebSockets, signed in, own inbox and one channel each",
  async run(context) {
    const parts = new StartedParts();
    try {
      const connections = context.quick ? 1_000 : 10_000;
      const subscribers = new Child<SubscribersCommands>({ name: "the load generator", module: new URL("../load/subscribers.js", import.meta.url), signal: context.signal });
      parts.add(subscribers, () => subscribers.stop());
      context.say(`${String(connections)} bare sockets`);
      const floor = await floorCost(context, subscribers, connections);
      context.say(`${String(connections)} WebSockets`);
      const { cost, natsBytes } = await connectorCost(context, subscribers, connections);
      return resultOf(cost, floor, { connections, natsBytes });
    } finally {
      await parts.stop();
    }
  },
};

async function connectorCost(context: PartContext, subscribers: Child<SubscribersCommands>, connections: number): Promise<{ cost: Cost; natsBytes: number }> {
  const installation = await startInstallation(context);
  const { process, port } = installation.connector;
  try {
    const natsBefore = usageOf(installation.natsPid).rssBytes;
    const open = (): Promise<Arrival> => subscribers.ask("open", { crowd: "halley", port, connections, concurrency: CONCURRENCY, signIn: { secret: JWT_SECRET, channel: CHANNEL } });
    const cost = await costOf(process.pid, () => process.ask("settle", undefined), open);
    const natsBytes = usageOf(installation.natsPid).rssBytes - natsBefore;
    const heap = `${context.profiles ?? ""}/idle-connector.heapsnapshot`;
    if (context.profiles !== undefined) await process.ask("heapSnapshot", { file: heap });
    await subscribers.ask("close", { crowd: "halley" });
    if (context.profiles !== undefined) {
      context.say(`${heap}, per connection:\n${summarizeHeap(heap, connections)}`);
      await profiled(process, { file: `${context.profiles}/idle-connector-arrival.cpuprofile`, say: context.say }, open);
      await subscribers.ask("close", { crowd: "halley" });
    }
    return { cost, natsBytes };
  } finally {
    await installation.stop();
  }
}

async function floorCost({ signal }: PartContext, subscribers: Child<SubscribersCommands>, connections: number): Promise<Cost> {
  const floor = new Child<SocketFloorCommands>({ name: "the floor", module: new URL("../floors/socketFloor.js", import.meta.url), nodeOptions: ["--expose-gc"], signal });
  try {
    const { port } = await floor.ask("start", undefined);
    const open = (): Promise<Arrival> => subscribers.ask("open", { crowd: "floor", port, connections, concurrency: CONCURRENCY, signIn: undefined });
    const cost = await costOf(floor.pid, () => floor.ask("settle", undefined), open);
    await subscribers.ask("close", { crowd: "floor" });
    return cost;
  } finally {
    await floor.stop();
  }
}

async function costOf(pid: number, settle: () => Promise<unknown>, open: () => Promise<Arrival>): Promise<Cost> {
  await settle();
  const emptyBytes = usageOf(pid).rssBytes;
  const arrival = await open();
  const arrivedBytes = usageOf(pid).rssBytes;
  await settle();
  return { arrival, emptyBytes, arrivedBytes, settledBytes: usageOf(pid).rssBytes };
}

function resultOf(cost: Cost, floor: Cost, { connections, natsBytes }: { readonly connections: number; readonly natsBytes: number }): PartResult {
  const perConnection = (bytes: number): number => bytes / connections / 1_024;
  const settled = ({ settledBytes, emptyBytes }: Cost): number => perConnection(settledBytes - emptyBytes);
  const arrived = ({ arrivedBytes, emptyBytes }: Cost): number => perConnection(arrivedBytes - emptyBytes);
  return {
    rows: [
      { what: "memory per connection, settled", unit: "KiB", value: settled(cost), beside: { floor: settled(floor) }, bar: { of: "value", atMost: 15 } },
      { what: "memory per connection, just arrived", unit: "KiB", value: arrived(cost), beside: { floor: arrived(floor) } },
      { what: "nats-server's memory per connection", unit: "KiB", value: perConnection(natsBytes) },
      { what: "connect, sign in and subscribe", unit: "/s", value: connections / cost.arrival.seconds, beside: { floor: connections / floor.arrival.seconds } },
      { what: "the same for one of them, p99", unit: "ms", value: cost.arrival.p99Ms, beside: { floor: floor.arrival.p99Ms } },
    ],
    details: { connections, connector: cost, floor, natsBytes },
  };
}
