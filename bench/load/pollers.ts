// A process: crowds of pollers, and what they measure.
import { subjects } from "../../lib/bus/subjects.js";
import { inboxOf } from "../../lib/channel/channelName.js";
import { monotonicUs } from "../monotonic.js";
import { stampedPayload } from "../payload.js";
import { serveCommands } from "../process/commands.js";
import { HalleyTalk } from "./poll/halleyTalk.js";
import { PollCrowd } from "./poll/pollCrowd.js";
import { type PollRun, type PollRunOptions, runBursts, runSteady } from "./poll/pollRun.js";
import type { PollTalk } from "./poll/pollTalk.js";
import { floorPollTrigger, natsPollTrigger, type PollTrigger } from "./poll/pollTrigger.js";
import { benchToken } from "./token.js";

/** Who is polled: a peer is one more kind here, with a talk and a trigger of its own. */
export type PolledServer = { readonly natsUrl: string } | { readonly controlPort: number };

/** Who comes. */
export interface PollersOptions {
  readonly crowd: string;
  readonly server: PolledServer;
  readonly port: number;
  readonly pollers: number;
  readonly secret: string;
  /** That all of them subscribe to. */
  readonly channel: string;
}

interface Polled {
  readonly crowd: PollCrowd;
  readonly trigger: PollTrigger;
}

const crowds = new Map<string, Polled>();

function userOf(poller: number): string {
  return `user-${String(poller)}`;
}

async function open({ crowd: name, server, port, pollers, secret, channel }: PollersOptions): Promise<void> {
  const isHalley = "natsUrl" in server;
  const subjectOf = (poller: number): string => subjects.publish(inboxOf(userOf(poller)));
  const trigger = isHalley ? await natsPollTrigger(server.natsUrl, subjectOf, subjects.publish(channel)) : await floorPollTrigger(server.controlPort);
  const talkOf = (poller: number): PollTalk => new HalleyTalk({ path: isHalley ? "/v1/poll" : `/${String(poller)}`, token: benchToken(userOf(poller), secret), channels: [channel] });
  const crowd = new PollCrowd();
  crowds.set(name, { crowd, trigger });
  await crowd.open(port, pollers, talkOf);
}

function polled(name: string): Polled {
  const found = crowds.get(name);
  if (!found) throw new Error(`there is no crowd ${name}`);
  return found;
}

/** Has one message delivered to poller 0 and one to all, and gives the bodies of the answers and their payloads. */
async function sample({ crowd: name, payloadBytes }: { readonly crowd: string; readonly payloadBytes: number }): Promise<Record<"one" | "all", { body: string; payload: string }>> {
  const { crowd, trigger } = polled(name);
  const bodies: string[] = [];
  crowd.reset();
  crowd.onAnswer = (bytes, bodyAt, to) => {
    const body = bytes.toString("utf8", bodyAt, to);
    if (body.includes('"at":')) bodies.push(body);
  };
  const one = stampedPayload(monotonicUs(), payloadBytes);
  trigger.toOne(0, one);
  trigger.flush();
  await crowd.expect((poller) => (poller === 0 ? 1 : 0));
  const all = stampedPayload(monotonicUs(), payloadBytes);
  trigger.toAll(all);
  trigger.flush();
  await crowd.expect((poller) => (poller === 0 ? 2 : 1));
  crowd.onAnswer = () => undefined;
  return { one: { body: bodies[0] ?? "", payload: one }, all: { body: bodies.at(-1) ?? "", payload: all } };
}

function steady({ crowd: name, ...options }: PollRunOptions & { readonly crowd: string }): Promise<PollRun> {
  const { crowd, trigger } = polled(name);
  return runSteady(crowd, trigger, options);
}

function bursts({ crowd: name, ...options }: PollRunOptions & { readonly crowd: string; readonly burst: number }): ReturnType<typeof runBursts> {
  const { crowd, trigger } = polled(name);
  return runBursts(crowd, trigger, options);
}

const commands = { open, sample, steady, bursts };
/** What the pollers can be asked. */
export type PollersCommands = typeof commands;

serveCommands(commands);
