// A process: crowds of subscribers, and what they measure.
import { setTimeout as pause } from "node:timers/promises";
import { serveCommands } from "../process/commands.js";
import { type Arrival, Crowd, type CrowdOptions } from "./crowd.js";
import { type Run, runFanout, type RunOptions } from "./fanoutRun.js";
import { type Latencies, LatencyLog } from "./latencyLog.js";
import { openTrigger, type Source } from "./trigger.js";

const crowds = new Map<string, Crowd>();
let log: LatencyLog | undefined;

const ARRIVAL_LIMIT_MS = 10_000;

function crowdOf(name: string): Crowd {
  const crowd = crowds.get(name);
  if (!crowd) throw new Error(`there is no crowd ${name}`);
  return crowd;
}

async function open({ crowd: name, ...options }: CrowdOptions & { readonly crowd: string }): Promise<Arrival> {
  const crowd = new Crowd(options);
  crowds.set(name, crowd);
  return crowd.open();
}

/** Cuts a crowd off and opens it again; `missed` messages are published in between, and everybody must get them, in answers or live. */
async function comeBack({ crowd: name, concurrency, missed, source }: { readonly crowd: string; readonly concurrency: number; readonly missed: number; readonly source: Source | undefined }): Promise<Arrival> {
  const crowd = crowdOf(name);
  const trigger = source && (await openTrigger(source, (error) => { crowd.onFailure(error); }));
  try {
    const arrival = await crowd.comeBack(concurrency, () => { if (missed > 0) trigger?.fire(missed); });
    if (trigger) await crowd.untilCaughtUp(missed);
    return arrival;
  } finally {
    trigger?.close();
  }
}

async function close({ crowd: name }: { readonly crowd: string }): Promise<void> {
  await crowdOf(name).close();
  crowds.delete(name);
}

/** Has one message delivered to the first channel, and gives its bytes (base64) as they reach a subscriber, without the frame's header. */
async function sample({ crowd: name, source }: { readonly crowd: string; readonly source: Source }): Promise<string> {
  const crowd = crowdOf(name);
  crowd.reset();
  let resolve: (message: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const arrived = new Promise<string>((onMessage, onFailure) => { [resolve, reject] = [onMessage, onFailure]; });
  let missing = crowd.sizePerChannel;
  crowd.onFailure = reject;
  crowd.onPublication = (bytes, from, to) => {
    missing -= 1;
    if (missing === 0) resolve(bytes.toString("base64", from, to));
  };
  const trigger = await openTrigger(source, reject);
  try {
    trigger.fire(1);
    const message = await arrived;
    crowd.expect(1);
    return message;
  } finally {
    trigger.close();
    crowd.silence();
  }
}

function fanout({ crowd, ...options }: RunOptions & { readonly crowd: string }): Promise<Run> {
  return runFanout(crowdOf(crowd), options);
}

function expectSilence({ crowd }: { readonly crowd: string }): void {
  crowdOf(crowd).expect(0);
}

function startLatency({ crowd: name, fromUs, capacity }: { readonly crowd: string; readonly fromUs: number; readonly capacity: number }): void {
  const crowd = crowdOf(name);
  crowd.reset();
  log = new LatencyLog(fromUs, capacity);
  crowd.onPublication = log.onPublication;
}

/** Waits until each has received its share of `publications` since `startLatency`; throws when that doesn't happen. */
async function endLatency({ crowd: name, publications }: { readonly crowd: string; readonly publications: number }): Promise<Latencies> {
  const crowd = crowdOf(name);
  const deadlineMs = performance.now() + ARRIVAL_LIMIT_MS;
  while (!crowd.have(publications) && performance.now() < deadlineMs) await pause(50);
  crowd.expect(publications);
  if (!log) throw new Error("no latency is being measured");
  return log.summary();
}

const commands = { open, comeBack, close, expectSilence, sample, fanout, startLatency, endLatency };
/** What the subscribers can be asked. */
export type SubscribersCommands = typeof commands;

serveCommands(commands);
