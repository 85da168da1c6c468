import { StartedParts } from "../../lib/lifecycle.js";
import type { SocketFloorCommands } from "../floors/socketFloor.js";
import { JWT_SECRET, startInstallation, type WholeInstallation } from "../installation/installation.js";
import type { Run } from "../load/fanoutRun.js";
import { serverFrame } from "../load/frameReader.js";
import type { SubscribersCommands } from "../load/subscribers.js";
import type { Part, PartContext, PartResult, Row } from "../part.js";
import { stampedPayload } from "../payload.js";
import { Child } from "../process/child.js";
import { usageOf } from "../process/usage.js";
import { profiled } from "../profile/profiled.js";
import { median } from "../statistics.js";

const CHANNEL = "bench.fanout";
const PAYLOAD_BYTES = 128;

/** Messages at a time, and the bar for the connector's CPU, as a multiple of the floor's. */
const RHYTHMS = [
  { name: "one by one", burst: 1, atMost: 1.5 },
  { name: "bursts of 10", burst: 10, atMost: 2 },
] as const;

/** Who delivers. */
type Server = "halley" | "floor";

interface Bench {
  readonly installation: WholeInstallation;
  readonly subscribers: Child<SubscribersCommands>;
  readonly floor: Child<SocketFloorCommands>;
}

interface Pair {
  readonly halley: Run;
  readonly floor: Run;
}

/** One channel, many WebSockets: what a delivery costs the connector, beside bare sockets that write the same bytes. */
export const fanout: Part = {
  name: "fanout",
  title: "Fan-out: one channel, 1,000 WebSockets, 128-byte messages",
  async run(context) {
    const parts = new StartedParts();
    try {
      const bench = await start(context, parts);
      const pairs = await measure(bench, context);
      await profile(bench, context);
      return resultOf(pairs, bench);
    } finally {
      await parts.stop();
    }
  },
};

async function start(context: PartContext, parts: StartedParts): Promise<Bench> {
  const { signal, quick } = context;
  const installation = await startInstallation(context);
  parts.add(installation, () => installation.stop());
  const subscribers = new Child<SubscribersCommands>({ name: "the load generator", module: new URL("../load/subscribers.js", import.meta.url), signal });
  parts.add(subscribers, () => subscribers.stop());
  const floor = new Child<SocketFloorCommands>({ name: "the floor", module: new URL("../floors/socketFloor.js", import.meta.url), signal });
  parts.add(floor, () => floor.stop());

  const connections = quick ? 200 : 1_000;
  const crowd = { connections, concurrency: 100 };
  await subscribers.ask("open", { crowd: "halley", port: installation.connector.port, signIn: { secret: JWT_SECRET, channel: CHANNEL }, ...crowd });
  const payload = stampedPayload(0, PAYLOAD_BYTES);
  await subscribers.ask("arm", { crowd: "halley", natsUrl: installation.natsUrl, subject: `halley.pub.${CHANNEL}`, payload });
  const ports = await floor.ask("start", undefined);
  await subscribers.ask("open", { crowd: "floor", port: ports.port, signIn: undefined, ...crowd });
  await subscribers.ask("arm", { crowd: "floor", controlPort: ports.controlPort });
  return { installation, subscribers, floor };
}

async function measure(bench: Bench, context: PartContext): Promise<Record<string, Pair[]>> {
  const rounds = context.quick ? 2 : 5;
  const pairs: Record<string, Pair[]> = Object.fromEntries(RHYTHMS.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    await useSameBytes(bench);
    for (const { name, burst } of RHYTHMS) {
      context.say(`${name}, run ${String(round + 1)} of ${String(rounds)}`);
      pairs[name]?.push(await runPair(bench, burst, round % 2 === 0, context.quick));
    }
  }
  return pairs;
}

/** Gives the floor the frames that the connector writes at this moment. */
async function useSameBytes({ subscribers, floor }: Bench): Promise<void> {
  const message = Buffer.from(await subscribers.ask("sample", { crowd: "halley" }), "base64");
  for (const { burst } of RHYTHMS) {
    const lines = Array.from({ length: burst }, () => message.toString("latin1"));
    await floor.ask("setFrame", { burst, bytes: serverFrame(Buffer.from(lines.join("\n"), "latin1")).toString("base64") });
  }
}

async function runPair(bench: Bench, burst: number, halleyFirst: boolean, quick: boolean): Promise<Pair> {
  const runs: Partial<Record<Server, Run>> = {};
  const order: Server[] = halleyFirst ? ["halley", "floor"] : ["floor", "halley"];
  for (const server of order) runs[server] = await runOnce(bench, server, burst, quick ? 500 : 3_000);
  const { halley, floor } = runs;
  if (!halley || !floor) throw new Error("a run is missing");
  return { halley, floor };
}

function runOnce({ installation, subscribers, floor }: Bench, server: Server, burst: number, measureMs: number): Promise<Run> {
  const pids = server === "halley" ? { server: installation.connector.process.pid, nats: installation.natsPid } : { server: floor.pid };
  return subscribers.ask("fanout", { crowd: server, burst, warmUpMs: 500, measureMs, pids });
}

async function profile(bench: Bench, { profiles, say }: PartContext): Promise<void> {
  if (profiles === undefined) return;
  for (const { burst } of RHYTHMS) {
    const file = `${profiles}/fanout-connector-${String(burst)}.cpuprofile`;
    await profiled(bench.installation.connector.process, { file, say }, () => runOnce(bench, "halley", burst, 5_000));
  }
}

function resultOf(pairs: Readonly<Record<string, readonly Pair[]>>, { installation, floor }: Bench): PartResult {
  const rows = RHYTHMS.flatMap(({ name, atMost }) => rowsOf(name, atMost, pairs[name] ?? []));
  const memory: Row = {
    what: "memory of the server",
    unit: "MiB",
    value: usageOf(installation.connector.process.pid).rssBytes / 2 ** 20,
    beside: { floor: usageOf(floor.pid).rssBytes / 2 ** 20 },
  };
  return { rows: [...rows, memory], details: { runs: pairs, natsRssBytes: usageOf(installation.natsPid).rssBytes } };
}

function rowsOf(name: string, atMost: number, pairs: readonly Pair[]): Row[] {
  const cpu = (run: Run, process: string): number => ((run.cpuSeconds[process] ?? 0) * 1e6) / run.deliveries;
  const of = (figure: (pair: Pair) => number): number => median(pairs.map(figure));
  const floor = of((pair) => cpu(pair.floor, "server"));
  return [
    {
      what: `${name}: CPU per delivery`,
      unit: "us",
      value: of(({ halley }) => cpu(halley, "server")),
      beside: { floor },
      ratio: of((pair) => cpu(pair.halley, "server") / cpu(pair.floor, "server")),
      bar: { of: "ratio", atMost },
    },
    { what: `${name}: the same with nats-server's`, unit: "us", value: of(({ halley }) => cpu(halley, "server") + cpu(halley, "nats")), beside: { floor } },
    { what: `${name}: deliveries`, unit: "/s", value: of(({ halley: { deliveries, seconds } }) => deliveries / seconds), beside: { floor: of(({ floor: { deliveries, seconds } }) => deliveries / seconds) } },
    { what: `${name}: CPU of the load generator`, unit: "us", value: of(({ halley }) => cpu(halley, "load")), beside: { floor: of((pair) => cpu(pair.floor, "load")) } },
  ];
}
