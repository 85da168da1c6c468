import { StartedParts } from "../../lib/lifecycle.js";
import { API_KEY, JWT_SECRET, startInstallation, type WholeInstallation } from "../installation/installation.js";
import type { Latencies } from "../load/latencyLog.js";
import type { PublishersCommands } from "../load/publishers.js";
import type { SubscribersCommands } from "../load/subscribers.js";
import { monotonicUs } from "../monotonic.js";
import type { Part, PartContext, PartResult } from "../part.js";
import { Child } from "../process/child.js";
import { cpuOf, cpuSince } from "../process/usage.js";

const CHANNEL = "bench.latency";
const PAYLOAD_BYTES = 128;
const CONNECTIONS = 100;
const PER_SECOND = 1_000;
/** Between the decision to start and the first message. */
const LEAD_US = 500_000;

interface Bench {
  readonly installation: WholeInstallation;
  readonly subscribers: Child<SubscribersCommands>;
  readonly publishers: Child<PublishersCommands>;
}

/** From a gRPC call to the sockets of all subscribers, at a fixed rate. */
export const latency: Part = {
  name: "latency",
  title: "Latency: 1,000 messages a second over gRPC (unary), stored, to 100 WebSockets",
  async run(context) {
    const parts = new StartedParts();
    try {
      return await measure(await start(context, parts), context);
    } finally {
      await parts.stop();
    }
  },
};

async function start(context: PartContext, parts: StartedParts): Promise<Bench> {
  const { signal } = context;
  const installation = await startInstallation(context);
  parts.add(installation, () => installation.stop());
  const subscribers = new Child<SubscribersCommands>({ name: "the subscribers", module: new URL("../load/subscribers.js", import.meta.url), signal });
  parts.add(subscribers, () => subscribers.stop());
  const publishers = new Child<PublishersCommands>({ name: "the publisher", module: new URL("../load/publishers.js", import.meta.url), signal });
  parts.add(publishers, () => publishers.stop());
  const { connector, publish, natsUrl } = installation;
  await subscribers.ask("open", { crowd: "halley", port: connector.port, connections: CONNECTIONS, concurrency: CONNECTIONS, signIn: { secret: JWT_SECRET, channel: CHANNEL } });
  await publishers.ask("start", { publishPort: publish.port, apiKey: API_KEY, natsUrl, channels: [CHANNEL], payload: "{}" });
  return { installation, subscribers, publishers };
}

async function measure({ installation, subscribers, publishers }: Bench, { quick, say }: PartContext): Promise<PartResult> {
  const warmUpMs = quick ? 1_000 : 4_000;
  const measureMs = quick ? 2_000 : 20_000;
  say(`${String((warmUpMs + measureMs) / 1_000)} s`);
  const startUs = monotonicUs() + LEAD_US;
  const fromUs = startUs + warmUpMs * 1_000;
  const capacity = (Math.ceil((measureMs / 1_000) * PER_SECOND) + 1) * CONNECTIONS;
  await subscribers.ask("startLatency", { crowd: "halley", fromUs, capacity });
  const pids = { connector: installation.connector.process.pid, publish: installation.publish.process.pid, nats: installation.natsPid, subscribers: subscribers.pid, publisher: publishers.pid };
  const cpu = cpuOf(pids);
  const { sent, acknowledgement } = await publishers.ask("openLoop", { channel: CHANNEL, payloadBytes: PAYLOAD_BYTES, perSecond: PER_SECOND, startUs, warmUpMs, measureMs });
  const received = await subscribers.ask("endLatency", { crowd: "halley", publications: sent });
  return resultOf(received, acknowledgement, { sent, cpuSeconds: cpuSince(cpu, pids), seconds: (warmUpMs + measureMs) / 1_000 });
}

function resultOf(received: Latencies, acknowledgement: Latencies, details: Record<string, unknown>): PartResult {
  return {
    rows: [
      { what: "publish to received, p50", unit: "ms", value: received.p50Ms },
      { what: "publish to received, p99", unit: "ms", value: received.p99Ms, bar: { of: "value", atMost: 50 } },
      { what: "publish to received, longest", unit: "ms", value: received.maxMs },
      { what: "publish to acknowledged, p50", unit: "ms", value: acknowledgement.p50Ms },
      { what: "publish to acknowledged, p99", unit: "ms", value: acknowledgement.p99Ms },
    ],
    details: { received, acknowledgement, ...details },
  };
}
