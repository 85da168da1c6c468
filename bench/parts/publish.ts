import { StartedParts } from "../../lib/lifecycle.js";
import type { EmptyCallsCommands } from "../floors/emptyCalls.js";
import { API_KEY, type Installation, startBackend } from "../installation/installation.js";
import type { PublishersCommands } from "../load/publishers.js";
import type { Rate } from "../load/rateRun.js";
import type { Part, PartContext, PartResult, Row } from "../part.js";
import { stampedPayload } from "../payload.js";
import { Child } from "../process/child.js";
import { profiled } from "../profile/profiled.js";
import { median } from "../statistics.js";

const CHANNELS = 100;
const PAYLOAD_BYTES = 128;
/** `floor` publishes straight onto JetStream; `empty` calls a gRPC server that does nothing, right before `unary`. */
const WAYS = ["empty", "unary", "batch", "floor", "stream"] as const;

type Way = (typeof WAYS)[number];

interface Bench {
  readonly installation: Installation;
  readonly publishers: Child<PublishersCommands>;
  readonly emptyCallsPid: number;
}

/** How many messages a second are stored: over gRPC in its three ways, beside plain pipelined publishing to JetStream and empty gRPC calls. */
export const publish: Part = {
  name: "publish",
  title: "Publish over gRPC: 128-byte messages to 100 channels, stored on disk by JetStream",
  async run(context) {
    const parts = new StartedParts();
    try {
      const bench = await start(context, parts);
      const rates = await measure(bench, context);
      await profile(bench, context);
      return resultOf(rates);
    } finally {
      await parts.stop();
    }
  },
};

async function start(context: PartContext, parts: StartedParts): Promise<Bench> {
  const installation = await startBackend(context);
  parts.add(installation, () => installation.stop());
  const publishers = new Child<PublishersCommands>({ name: "the load generator", module: new URL("../load/publishers.js", import.meta.url), signal: context.signal });
  parts.add(publishers, () => publishers.stop());
  const floor = new Child<EmptyCallsCommands>({ name: "the floor of calls", module: new URL("../floors/emptyCalls.js", import.meta.url), signal: context.signal });
  parts.add(floor, () => floor.stop());
  const { port: emptyCallsPort } = await floor.ask("start", undefined);
  const channels = Array.from({ length: CHANNELS }, (_, index) => `bench.publish.${String(index)}`);
  const { publish: service, natsUrl } = installation;
  await publishers.ask("start", { publishPort: service.port, apiKey: API_KEY, natsUrl, emptyCallsPort, channels, payload: stampedPayload(0, PAYLOAD_BYTES) });
  return { installation, publishers, emptyCallsPid: floor.pid };
}

async function measure(bench: Bench, context: PartContext): Promise<Record<Way, Rate[]>> {
  const rounds = context.quick ? 1 : 3;
  const rates: Record<Way, Rate[]> = { empty: [], unary: [], batch: [], stream: [], floor: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of WAYS) {
      context.say(`${way}, run ${String(round + 1)} of ${String(rounds)}`);
      rates[way].push(await runOnce(bench, way, context.quick ? 1_000 : 4_000));
    }
  }
  return rates;
}

function runOnce({ installation, publishers, emptyCallsPid }: Bench, way: Way, measureMs: number): Promise<Rate> {
  if (way === "empty") return publishers.ask("emptyRate", { warmUpMs: 1_000, measureMs, pids: { publish: emptyCallsPid } });
  const pids = { publish: installation.publish.process.pid, nats: installation.natsPid };
  return publishers.ask("rate", { way, warmUpMs: 1_000, measureMs, pids });
}

async function profile(bench: Bench, { profiles, say }: PartContext): Promise<void> {
  if (profiles === undefined) return;
  for (const way of ["batch", "stream", "unary"] as const) {
    const file = `${profiles}/publish-${way}.cpuprofile`;
    await profiled(bench.installation.publish.process, { file, say }, () => runOnce(bench, way, 4_000));
  }
}

function resultOf(rates: Readonly<Record<Way, readonly Rate[]>>): PartResult {
  const rateOf = ({ messages, seconds }: Rate): number => messages / seconds;
  const perSecond = (way: Way): number => median(rates[way].map(rateOf));
  /** Of neighbouring runs: what else the machine did meets both. */
  const ratio = (way: Way, floor: Way): number => median(rates[way].map((run, round) => rateOf(run) / rateOf(rates[floor][round]!)));
  const cpuUs = (way: Way, process: string): number => median(rates[way].map(({ cpuSeconds, messages }) => ((cpuSeconds[process] ?? 0) * 1e6) / messages));
  const beside = { floor: perSecond("floor") };
  const cpuRow = (what: string, way: Way): Row => ({ what: `${what}: CPU of the service per message`, unit: "us", value: cpuUs(way, "publish") });
  return {
    rows: [
      { what: "batches of 100", unit: "/s", value: perSecond("batch"), beside, ratio: ratio("batch", "floor"), bar: { of: "ratio", atLeast: 0.3 } },
      { what: "one stream", unit: "/s", value: perSecond("stream"), beside, ratio: ratio("stream", "floor"), bar: { of: "value", atLeast: 20_000 } },
      { what: "unary, 128 calls at a time, beside empty calls", unit: "/s", value: perSecond("unary"), beside: { floor: perSecond("empty") }, ratio: ratio("unary", "empty"), bar: { of: "ratio", atLeast: 0.8 } },
      { what: "straight onto NATS, pipelined", unit: "/s", value: perSecond("floor") },
      cpuRow("batches", "batch"),
      cpuRow("stream", "stream"),
      { ...cpuRow("unary", "unary"), beside: { floor: cpuUs("empty", "publish") } },
      { what: "batches: CPU of nats-server per message", unit: "us", value: cpuUs("batch", "nats"), beside: { floor: cpuUs("floor", "nats") } },
      { what: "batches: CPU of the load generator", unit: "us", value: cpuUs("batch", "load"), beside: { floor: cpuUs("floor", "load") } },
      { what: "unary: CPU of the load generator", unit: "us", value: cpuUs("unary", "load"), beside: { floor: cpuUs("empty", "load") } },
    ],
    details: { runs: rates },
  };
}
