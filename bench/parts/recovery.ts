import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { connect } from "nats";
import type { NatsBinary } from "../../cli/nats/natsBinary.js";
import { StartedParts } from "../../lib/lifecycle.js";
import { type Installation, JWT_SECRET, startBackend, startConnector } from "../installation/installation.js";
import { natsServers } from "../installation/natsServers.js";
import { JetStreamCalls } from "../load/recovery/jetStreamCalls.js";
import { type Missed, publishMissed } from "../load/recovery/missed.js";
import type { ComeBack, Positions, ReturnersCommands } from "../load/returners.js";
import type { Part, PartContext, Row } from "../part.js";
import { Child } from "../process/child.js";
import { usageOf } from "../process/usage.js";
import { median } from "../statistics.js";

const NAMESPACE = "bench";
const CHANNELS = Array.from({ length: 100 }, (_, index) => `${NAMESPACE}.recovery.${String(index)}`);
const MISSED = 50;
const PAYLOAD_BYTES = 128;
const READS_PER_CHANNEL = 1.5;
/** Streams that everybody has a channel of. */
const OWN_STREAMS = ["user", "all"] as const;

/** One coming back, to a connector that nobody has been at. */
interface Return {
  readonly comeBack: ComeBack;
  /** Requests of JetStream by stream and kind. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly cpuSeconds: number;
  readonly natsCpuSeconds: number;
  readonly rssBytes: number;
}

/** Everybody comes back at once: how long until the last has what it missed, and what JetStream is asked for. */
export const recovery: Part = {
  name: "recovery",
  title: "Recovery: 10,000 clients of 100 channels come back at once to a fresh connector, 50 messages missed each",
  async run(context) {
    const clients = context.quick ? 1_000 : 10_000;
    const rows: Row[] = [];
    const details: Record<string, unknown> = { clients, channels: CHANNELS.length, missed: MISSED };
    for (const binary of await natsServers()) {
      const returns = await measure({ ...context, folder: join(context.folder, binary.version) }, binary, clients);
      rows.push(...rowsOf(`nats-server ${binary.version}`, returns, clients));
      details[binary.version] = returns;
    }
    return { rows, details };
  },
};

async function measure(context: PartContext, binary: NatsBinary, clients: number): Promise<Return[]> {
  const { folder, quick, signal, say } = context;
  const parts = new StartedParts();
  mkdirSync(folder, { recursive: true });
  try {
    const installation = await startBackend(context, { natsServer: binary.path });
    parts.add(installation, () => installation.stop());
    const returners = new Child<ReturnersCommands>({ name: "the clients", module: new URL("../load/returners.js", import.meta.url), signal });
    parts.add(returners, () => returners.stop());
    const { positions, missed } = await prepare(context, installation, returners);
    const rounds = quick ? 1 : 3;
    const returns: Return[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`nats-server ${binary.version}, ${String(clients)} clients, run ${String(round + 1)} of ${String(rounds)}`);
      returns.push(await runOnce(context, installation, (port) => returners.ask("comeBack", { port, secret: JWT_SECRET, clients, positions, missed })));
    }
    return returns;
  } finally {
    await parts.stop();
  }
}

/** Learns where everybody stands from a connector that then goes, and publishes what is missed. */
async function prepare(context: PartContext, installation: Installation, returners: Child<ReturnersCommands>): Promise<{ positions: Positions; missed: Missed }> {
  const first = await startConnector(context, installation);
  try {
    const positions = await returners.ask("scout", { port: first.port, secret: JWT_SECRET, channels: CHANNELS });
    const nats = await connect({ servers: installation.natsUrl, name: "halley-bench" });
    try {
      return { positions, missed: await publishMissed(nats, CHANNELS, { each: MISSED, payloadBytes: PAYLOAD_BYTES }) };
    } finally {
      await nats.close();
    }
  } finally {
    await first.process.stop();
  }
}

async function runOnce(context: PartContext, installation: Installation, everybody: (port: number) => Promise<ComeBack>): Promise<Return> {
  const connector = await startConnector(context, installation);
  const counter = await JetStreamCalls.start(installation.natsUrl);
  try {
    const { pid } = connector.process;
    const [before, natsBefore] = [usageOf(pid), usageOf(installation.natsPid)];
    const comeBack = await everybody(connector.port);
    const [after, natsAfter] = [usageOf(pid), usageOf(installation.natsPid)];
    const calls: Record<string, Record<string, number>> = {};
    for (const namespace of [NAMESPACE, ...OWN_STREAMS]) calls[namespace] = await counter.of(namespace);
    return { comeBack, calls, cpuSeconds: after.cpuSeconds - before.cpuSeconds, natsCpuSeconds: natsAfter.cpuSeconds - natsBefore.cpuSeconds, rssBytes: after.rssBytes };
  } finally {
    await counter.close();
    await connector.process.stop();
  }
}

function rowsOf(server: string, returns: readonly Return[], clients: number): Row[] {
  const of = (figure: (one: Return) => number): number => median(returns.map(figure));
  const sum = (counts: Readonly<Record<string, number>> = {}): number => Object.values(counts).reduce((total, count) => total + count, 0);
  const row = (what: string, unit: string, figure: (one: Return) => number): Row => ({ what: `${server}: ${what}`, unit, value: of(figure) });
  return [
    row("until the last has what it missed", "s", ({ comeBack }) => comeBack.seconds),
    row("one client, p50", "ms", ({ comeBack }) => comeBack.p50Ms),
    row("one client, p99", "ms", ({ comeBack }) => comeBack.p99Ms),
    { ...row("requests of JetStream per channel", "", ({ calls }) => sum(calls[NAMESPACE]) / CHANNELS.length), bar: { of: "value", atMost: READS_PER_CHANNEL } },
    row("requests for inboxes and all, per client", "", ({ calls }) => OWN_STREAMS.reduce((total, stream) => total + sum(calls[stream]), 0) / clients),
    row("CPU of the connector per client", "us", ({ cpuSeconds }) => (cpuSeconds * 1e6) / clients),
    row("CPU of nats-server per client", "us", ({ natsCpuSeconds }) => (natsCpuSeconds * 1e6) / clients),
    row("CPU of the load generator per client", "us", ({ comeBack }) => (comeBack.cpuSeconds * 1e6) / clients),
    row("memory of the connector afterwards", "MiB", ({ rssBytes }) => rssBytes / 2 ** 20),
    row("connections that ended too early", "", ({ comeBack }) => comeBack.lost),
  ];
}
