import { setTimeout as pause } from "node:timers/promises";
import { monotonicUs } from "../../monotonic.js";
import { readStampUs, stampedPayload } from "../../payload.js";
import { cpuOf, cpuSince } from "../../process/usage.js";
import { type Latencies, LatencyLog } from "../latencyLog.js";
import type { PollCrowd } from "./pollCrowd.js";
import type { PollTrigger } from "./pollTrigger.js";

/** One run. */
export interface PollRunOptions {
  readonly payloadBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The processes whose CPU time counts. */
  readonly pids: Readonly<Record<string, number>>;
}

/** What a run came to, warm-up left out. */
export interface PollRun {
  readonly seconds: number;
  readonly answers: number;
  readonly publications: number;
  /** Of publications, from the moment at which each was to be sent. */
  readonly latency: Latencies;
  /** CPU seconds by process; `load` is the load generator. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
}

/** Between the decision to start and the first message. */
const LEAD_US = 200_000;
const BURST_LIMIT_MS = 20_000;

/** What has been counted at one moment. */
interface Count {
  readonly atMs: number;
  readonly answers: number;
  readonly publications: number;
  readonly cpu: Record<string, number>;
}

/** Sends each poller one message a second, evenly spread, whether answers come or not. Throws when anything is lost or repeated. */
export async function runSteady(crowd: PollCrowd, trigger: PollTrigger, { payloadBytes, warmUpMs, measureMs, pids }: PollRunOptions): Promise<PollRun> {
  const counted = { ...pids, load: process.pid };
  const startUs = monotonicUs() + LEAD_US;
  const fromUs = startUs + warmUpMs * 1_000;
  const intervalUs = 1_000_000 / crowd.size;
  const total = Math.floor(((warmUpMs + measureMs) * 1_000) / intervalUs);
  const log = new LatencyLog(fromUs, total);
  crowd.reset();
  crowd.onPublication = log.onPublication;
  let begun: Count | undefined;
  let sent = 0;
  while (sent < total) {
    await pause(1);
    crowd.assertWell();
    const nowUs = monotonicUs();
    if (nowUs >= fromUs) begun ??= countOf(crowd, counted);
    for (; sent < total && startUs + sent * intervalUs <= nowUs; sent++) trigger.toOne(sent % crowd.size, stampedPayload(Math.round(startUs + sent * intervalUs), payloadBytes));
    trigger.flush();
  }
  if (!begun) throw new Error("nothing was measured");
  const run = since(begun, crowd, counted);
  await crowd.expect((poller) => Math.ceil((total - poller) / crowd.size));
  return { ...run, latency: log.summary() };
}

/** Sends bursts to all, each when the one before has arrived at every poller. Throws when anything is lost or repeated. */
export async function runBursts(crowd: PollCrowd, trigger: PollTrigger, options: PollRunOptions & { readonly burst: number }): Promise<PollRun & { readonly bursts: number }> {
  const { burst, payloadBytes, warmUpMs, measureMs, pids } = options;
  const counted = { ...pids, load: process.pid };
  const startedMs = performance.now();
  const latenciesUs: number[] = [];
  let begun: (Count & { readonly bursts: number }) | undefined;
  let bursts = 0;
  crowd.reset();
  do {
    if (performance.now() - startedMs >= warmUpMs) begun ??= { ...countOf(crowd, counted), bursts };
    const arrivedUs = await oneBurst(crowd, trigger, burst, payloadBytes);
    if (begun) latenciesUs.push(...arrivedUs);
    bursts += 1;
  } while (performance.now() - startedMs < warmUpMs + measureMs || !begun);
  const run = since(begun, crowd, counted);
  await crowd.expect(() => bursts * burst);
  const log = new LatencyLog(0, latenciesUs.length);
  for (const latencyUs of latenciesUs) log.add(latencyUs);
  return { ...run, latency: log.summary(), bursts: bursts - begun.bursts };
}

/** Gives how long each poller took until it had the whole burst, in microseconds. */
async function oneBurst(crowd: PollCrowd, trigger: PollTrigger, burst: number, payloadBytes: number): Promise<number[]> {
  const target = crowd.publications + burst * crowd.size;
  const atUs = monotonicUs();
  // One microsecond apart, so that each poller can see that none is missing and none comes twice.
  const lastUs = atUs + burst - 1;
  const arrivedUs: number[] = [];
  crowd.onPublication = (bytes, from, to) => {
    if (readStampUs(bytes, from, to) === lastUs) arrivedUs.push(monotonicUs() - atUs);
  };
  for (let index = 0; index < burst; index++) trigger.toAll(stampedPayload(atUs + index, payloadBytes));
  trigger.flush();
  const deadlineMs = performance.now() + BURST_LIMIT_MS;
  while (crowd.publications < target) {
    await pause(1);
    crowd.assertWell();
    if (performance.now() > deadlineMs) throw new Error(`${String(target - crowd.publications)} messages of a burst did not arrive`);
  }
  return arrivedUs;
}

function countOf(crowd: PollCrowd, pids: Readonly<Record<string, number>>): Count {
  return { atMs: performance.now(), answers: crowd.answers, publications: crowd.publications, cpu: cpuOf(pids) };
}

function since(begun: Count, crowd: PollCrowd, pids: Readonly<Record<string, number>>): Omit<PollRun, "latency"> {
  return {
    seconds: (performance.now() - begun.atMs) / 1_000,
    answers: crowd.answers - begun.answers,
    publications: crowd.publications - begun.publications,
    cpuSeconds: cpuSince(begun.cpu, pids),
  };
}
