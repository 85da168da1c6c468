import { StartedParts } from "../../lib/lifecycle.js";
import { takeApart } from "../floors/answerParts.js";
import type { PollFloorCommands } from "../floors/pollFloor.js";
import { JWT_SECRET, startInstallation, type WholeInstallation } from "../installation/installation.js";
import type { PollRun } from "../load/poll/pollRun.js";
import type { PollersCommands } from "../load/pollers.js";
import type { Part, PartContext, PartResult, Row } from "../part.js";
import { Child } from "../process/child.js";
import { profiled } from "../profile/profiled.js";
import { median } from "../statistics.js";

const CHANNEL = "bench.poll";
const PAYLOAD_BYTES = 128;
const BURST = 50;
/** Of Halley's CPU per answer to the floor's. */
const CPU_AT_MOST = 1.5;
const WAYS = ["steady", "bursts"] as const;

type Way = (typeof WAYS)[number];
type Server = "halley" | "floor";
type Pair = Readonly<Record<Server, PollRun>>;

interface Bench {
  readonly installation: WholeInstallation;
  readonly pollers: Child<PollersCommands>;
  readonly floor: Child<PollFloorCommands>;
}

/** Long-polls: what an answer costs the connector and how late it is, beside bare `http` that answers the same. */
export const poll: Part = {
  name: "poll",
  title: "Long-poll: 2,000 pollers, a message a second to each one's inbox; bursts of 50 to all",
  async run(context) {
    const parts = new StartedParts();
    try {
      const bench = await start(context, parts);
      const pairs = await measure(bench, context);
      await profile(bench, context);
      return resultOf(pairs);
    } finally {
      await parts.stop();
    }
  },
};

async function start(context: PartContext, parts: StartedParts): Promise<Bench> {
  const { signal, quick, say } = context;
  const installation = await startInstallation(context);
  parts.add(installation, () => installation.stop());
  const pollers = new Child<PollersCommands>({ name: "the load generator", module: new URL("../load/pollers.js", import.meta.url), signal });
  parts.add(pollers, () => pollers.stop());
  const floor = new Child<PollFloorCommands>({ name: "the floor", module: new URL("../floors/pollFloor.js", import.meta.url), signal });
  parts.add(floor, () => floor.stop());

  const crowd = { pollers: quick ? 200 : 2_000, secret: JWT_SECRET, channel: CHANNEL };
  say(`${String(crowd.pollers)} pollers, of each server`);
  await pollers.ask("open", { crowd: "halley", server: { natsUrl: installation.natsUrl }, port: installation.connector.port, ...crowd });
  const { one, all } = await pollers.ask("sample", { crowd: "halley", payloadBytes: PAYLOAD_BYTES });
  const { port, controlPort } = await floor.ask("start", { answers: { one: takeApart(one.body, one.payload), all: takeApart(all.body, all.payload) } });
  await pollers.ask("open", { crowd: "floor", server: { controlPort }, port, ...crowd });
  return { installation, pollers, floor };
}

async function measure(bench: Bench, { quick, say }: PartContext): Promise<Record<Way, Pair[]>> {
  const rounds = quick ? 1 : 3;
  const pairs: Record<Way, Pair[]> = { steady: [], bursts: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of WAYS) {
      say(`${way}, run ${String(round + 1)} of ${String(rounds)}`);
      const first = round % 2 === 0 ? "halley" : "floor";
      const second = first === "halley" ? "floor" : "halley";
      const measureMs = quick ? 2_000 : way === "steady" ? 10_000 : 4_000;
      const runs = { [first]: await runOnce(bench, first, way, measureMs), [second]: await runOnce(bench, second, way, measureMs) } as Pair;
      pairs[way].push(runs);
    }
  }
  return pairs;
}

function runOnce({ installation, pollers, floor }: Bench, crowd: Server, way: Way, measureMs: number): Promise<PollRun> {
  const pids = crowd === "halley" ? { server: installation.connector.process.pid, nats: installation.natsPid } : { server: floor.pid };
  const options = { crowd, payloadBytes: PAYLOAD_BYTES, warmUpMs: 1_000, measureMs, pids };
  return way === "steady" ? pollers.ask("steady", options) : pollers.ask("bursts", { ...options, burst: BURST });
}

async function profile(bench: Bench, { profiles, say }: PartContext): Promise<void> {
  if (profiles === undefined) return;
  for (const way of WAYS) {
    const file = `${profiles}/poll-connector-${way}.cpuprofile`;
    await profiled(bench.installation.connector.process, { file, say }, () => runOnce(bench, "halley", way, 5_000));
  }
}

function resultOf(pairs: Readonly<Record<Way, readonly Pair[]>>): PartResult {
  const cpuUs = (run: Pick<PollRun, "cpuSeconds">, process: string, count: number): number => ((run.cpuSeconds[process] ?? 0) * 1e6) / count;
  /** The figure of both, and the median ratio of neighbouring runs. */
  const row = (way: Way, what: string, unit: string, figure: (run: PollRun) => number): Row => ({
    what,
    unit,
    value: median(pairs[way].map(({ halley }) => figure(halley))),
    beside: { floor: median(pairs[way].map(({ floor }) => figure(floor))) },
    ratio: median(pairs[way].map(({ halley, floor }) => figure(halley) / figure(floor))),
  });
  const bar = { of: "ratio", atMost: CPU_AT_MOST } as const;
  /** What each poller got of a burst counts as one, in however many answers it came. */
  const perBurst = (run: PollRun): number => cpuUs(run, "server", run.publications / BURST);
  return {
    rows: [
      { ...row("steady", "a message a second: CPU per answer", "us", (run) => cpuUs(run, "server", run.answers)), bar },
      row("steady", "a message a second: to the poller, p50", "ms", ({ latency }) => latency.p50Ms),
      row("steady", "a message a second: to the poller, p99", "ms", ({ latency }) => latency.p99Ms),
      row("steady", "a message a second: answers", "/s", ({ answers, seconds }) => answers / seconds),
      row("steady", "a message a second: CPU of the load generator", "us", (run) => cpuUs(run, "load", run.answers)),
      { ...row("bursts", "bursts of 50: CPU per burst and poller", "us", perBurst), bar },
      row("bursts", "bursts of 50: CPU per answer", "us", (run) => cpuUs(run, "server", run.answers)),
      row("bursts", "bursts of 50: answers per burst and poller", "", ({ answers, publications }) => answers / (publications / BURST)),
      row("bursts", "bursts of 50: until a poller has all of it, p99", "ms", ({ latency }) => latency.p99Ms),
    ],
    details: { runs: pairs },
  };
}
