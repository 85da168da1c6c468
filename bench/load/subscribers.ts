// A process: crowds of subscribers, and what they measure.
import { setTimeout as pause } from "node:timers/promises";
import { serveCommands } from "../process/commands.js";
import { type Arrival, Crowd, type CrowdOptions } from "./crowd.js";
import { type Run, runFanout, type RunOptions } from "./fanoutRun.js";
import { type Latencies, LatencyLog } from "./latencyLog.js";
import { floorTrigger, natsTrigger, type Trigger } from "./trigger.js";

const crowds = new Map<string, Crowd>();
const triggers = new Map<string, Trigger>();
let log: LatencyLog | undefined;

const ARRIVAL_LIMIT_MS = 10_000;

function crowdOf(name: string): Crowd {
  const crowd = crowds.get(name);
  if (!crowd) throw new Error(`there is no crowd ${name}`);
  return crowd;
}

async function open({ crowd: name, ...options }: CrowdOptions & { readonly crowd: string }): Promise<Arrival> {
  const crowd = new Crowd();
  crowds.set(name, crowd);
  return crowd.open(options);
}

async function close({ crowd: name }: { readonly crowd: string }): Promise<void> {
  await crowdOf(name).close();
  crowds.delete(name);
}

/** A trigger for a crowd: NATS for a connector's, the control port for a floor's. */
async function arm(options: { readonly crowd: string } & ({ readonly natsUrl: string; readonly subject: string; readonly payload: string } | { readonly controlPort: number })): Promise<void> {
  const trigger = "natsUrl" in options ? await natsTrigger(options.natsUrl, options.subject, Buffer.from(options.payload)) : await floorTrigger(options.controlPort);
  triggers.set(options.crowd, trigger);
}

/** Has one message delivered, and gives its bytes (base64) as they reach a subscriber, without the frame's header. */
async function sample({ crowd: name }: { readonly crowd: string }): Promise<string> {
  const crowd = crowdOf(name);
  crowd.reset();
  let message = "";
  let missing = crowd.size;
  await new Promise<void>((resolve, reject) => {
    crowd.onFailure = reject;
    crowd.onPublication = (bytes, from, to) => {
      message = bytes.toString("base64", from, to);
      missing -= 1;
      if (missing === 0) resolve();
    };
    triggers.get(name)?.fire(1);
  });
  crowd.expect(1);
  return message;
}

function fanout({ crowd, ...options }: RunOptions & { readonly crowd: string }): Promise<Run> {
  const trigger = triggers.get(crowd);
  if (!trigger) throw new Error(`the crowd ${crowd} has no trigger`);
  return runFanout(crowdOf(crowd), trigger, options);
}

function startLatency({ crowd: name, fromUs, capacity }: { readonly crowd: string; readonly fromUs: number; readonly capacity: number }): void {
  const crowd = crowdOf(name);
  crowd.reset();
  log = new LatencyLog(fromUs, capacity);
  crowd.onPublication = log.onPublication;
}

/** Waits until each has received `publications` since `startLatency`; throws when that doesn't happen. */
async function endLatency({ crowd: name, publications }: { readonly crowd: string; readonly publications: number }): Promise<Latencies> {
  const crowd = crowdOf(name);
  const deadlineMs = performance.now() + ARRIVAL_LIMIT_MS;
  while (!crowd.have(publications) && performance.now() < deadlineMs) await pause(50);
  crowd.expect(publications);
  if (!log) throw new Error("no latency is being measured");
  return log.summary();
}

const commands = { open, close, arm, sample, fanout, startLatency, endLatency };
/** What the subscribers can be asked. */
export type SubscribersCommands = typeof commands;

serveCommands(commands);
