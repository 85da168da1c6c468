import { StartedParts } from "../../lib/lifecycle.js";
import { Audience } from "../contenders/audience.js";
import type { Contender } from "../contenders/contender.js";
import { startHalley } from "../contenders/halleyContender.js";
import { API_KEY } from "../installation/installation.js";
import type { Latencies } from "../load/latencyLog.js";
import type { NatsPublisherCommands } from "../load/natsPublisher.js";
import type { OpenLoopOptions } from "../load/openLoop.js";
import type { PublishersCommands } from "../load/publishers.js";
import { monotonicUs } from "../monotonic.js";
import type { Part, PartContext, PartResult } from "../part.js";
import { startNatsWebSocket } from "../peers/natsWebSocket.js";
import { Child } from "../process/child.js";
import { cpuOf, cpuSince } from "../process/usage.js";
import { median } from "../statistics.js";

const CHANNEL = "bench.latency";
const PAYLOAD_BYTES = 128;
const CONNECTIONS = 100;
const PER_SECOND = 1_000;
/** Between the decision to start and the first message. */
const LEAD_US = 500_000;

/** What publishes; acknowledgements are Halley's alone. */
type Publish = (options: OpenLoopOptions) => Promise<{ readonly sent: number; readonly acknowledgement?: Latencies }>;

interface Entrant {
  readonly contender: Contender;
  readonly audience: Audience;
  readonly publish: Publish;
  readonly publisherPid: number;
}

/** One run of one of them. */
interface Run {
  readonly sent: number;
  readonly received: Latencies;
  readonly acknowledgement?: Latencies;
  readonly cpuSeconds: Readonly<Record<string, number>>;
}

interface Pair {
  readonly halley: Run;
  readonly nats: Run;
}

/** From a publish to the sockets of all subscribers, at a fixed rate: Halley, which stores, beside NATS, which doesn't. */
export const latency: Part = {
  name: "latency",
  title: "Latency: 1,000 messages a second over gRPC (unary), stored, to 100 WebSockets; beside NATS to WebSocket, not stored",
  async run(context) {
    const parts = new StartedParts();
    try {
      const halley = await enterHalley(context, parts);
      const nats = await enterNats(context, parts);
      const pairs: Pair[] = [];
      const rounds = context.quick ? 1 : 5;
      for (let round = 0; round < rounds; round++) {
        context.say(`run ${String(round + 1)} of ${String(rounds)}`);
        const runs = { halley: () => measure(halley, context), nats: () => measure(nats, context) };
        const first = round % 2 === 0 ? await runs.halley() : undefined;
        const other = await runs.nats();
        pairs.push({ halley: first ?? (await runs.halley()), nats: other });
      }
      return resultOf(pairs);
    } finally {
      await parts.stop();
    }
  },
};

async function enterHalley(context: PartContext, parts: StartedParts): Promise<Entrant> {
  const contender = await startHalley(context);
  parts.add(contender, () => contender.stop());
  const publisher = new Child<PublishersCommands>({ name: "the publisher", module: new URL("../load/publishers.js", import.meta.url), signal: context.signal });
  parts.add(publisher, () => publisher.stop());
  const { publish, natsUrl } = contender.installation;
  await publisher.ask("start", { publishPort: publish.port, apiKey: API_KEY, natsUrl, channels: [CHANNEL], payload: "{}" });
  return { contender, audience: await seat(contender, context, parts), publish: (options) => publisher.ask("openLoop", options), publisherPid: publisher.pid };
}

async function enterNats(context: PartContext, parts: StartedParts): Promise<Entrant> {
  const contender = await startNatsWebSocket(context);
  parts.add(contender, () => contender.stop());
  const publisher = new Child<NatsPublisherCommands>({ name: "the publisher onto NATS", module: new URL("../load/natsPublisher.js", import.meta.url), signal: context.signal });
  parts.add(publisher, () => publisher.stop());
  const { url } = contender;
  return { contender, audience: await seat(contender, context, parts), publish: (options) => publisher.ask("openLoop", { url, ...options }), publisherPid: publisher.pid };
}

async function seat(contender: Contender, { signal }: PartContext, parts: StartedParts): Promise<Audience> {
  const audience = new Audience(contender, { connections: CONNECTIONS, concurrency: CONNECTIONS, channels: [CHANNEL] }, signal);
  parts.add(audience, () => audience.stop());
  await audience.open();
  return audience;
}

async function measure({ contender, audience, publish, publisherPid }: Entrant, { quick }: PartContext): Promise<Run> {
  const warmUpMs = quick ? 500 : 2_000;
  const measureMs = quick ? 1_000 : 10_000;
  const startUs = monotonicUs() + LEAD_US;
  const fromUs = startUs + warmUpMs * 1_000;
  const capacity = (Math.ceil((measureMs / 1_000) * PER_SECOND) + 1) * CONNECTIONS;
  const { process, crowd } = audience;
  await process.ask("startLatency", { crowd, fromUs, capacity });
  const pids = { ...contender.pids, subscribers: process.pid, publisher: publisherPid };
  const cpu = cpuOf(pids);
  const { sent, acknowledgement } = await publish({ channel: CHANNEL, payloadBytes: PAYLOAD_BYTES, perSecond: PER_SECOND, startUs, warmUpMs, measureMs });
  const received = await process.ask("endLatency", { crowd, publications: sent });
  return { sent, received, cpuSeconds: cpuSince(cpu, pids), ...(acknowledgement && { acknowledgement }) };
}

function resultOf(pairs: readonly Pair[]): PartResult {
  const row = (what: string, figure: (of: Latencies) => number): PartResult["rows"][number] => ({
    what: `publish to received, ${what}`,
    unit: "ms",
    value: median(pairs.map(({ halley }) => figure(halley.received))),
    beside: { "nats-ws": median(pairs.map(({ nats }) => figure(nats.received))) },
    ratio: median(pairs.map(({ halley, nats }) => figure(halley.received) / figure(nats.received))),
  });
  const acknowledged = (figure: (of: Latencies) => number): number => median(pairs.flatMap(({ halley: { acknowledgement } }) => (acknowledgement ? [figure(acknowledgement)] : [])));
  return {
    rows: [
      row("p50", ({ p50Ms }) => p50Ms),
      { ...row("p99", ({ p99Ms }) => p99Ms), bar: { of: "ratio", to: "nats-ws", atMost: 1.5 } },
      row("longest", ({ maxMs }) => maxMs),
      { what: "publish to acknowledged, p50", unit: "ms", value: acknowledged(({ p50Ms }) => p50Ms) },
      { what: "publish to acknowledged, p99", unit: "ms", value: acknowledged(({ p99Ms }) => p99Ms) },
    ],
    details: { runs: pairs },
  };
}
