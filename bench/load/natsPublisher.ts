// A process: publishes straight onto NATS at a fixed rate; nobody stores or acknowledges anything.
import { connect } from "nats";
import { serveCommands } from "../process/commands.js";
import { LatencyLog } from "./latencyLog.js";
import { type OpenLoopOptions, runOpenLoop } from "./openLoop.js";

/** Publishes to the subject that `channel` names; gives how many messages were sent. */
async function openLoop({ url, ...options }: OpenLoopOptions & { readonly url: string }): Promise<{ sent: number }> {
  const nats = await connect({ servers: url, name: "halley-bench" });
  const log = new LatencyLog(options.startUs + options.warmUpMs * 1_000, Math.ceil((options.perSecond * options.measureMs) / 1_000) + 1);
  const encoder = new TextEncoder();
  const publish = (payload: string): Promise<void> => {
    nats.publish(options.channel, encoder.encode(payload));
    return Promise.resolve();
  };
  const sent = await runOpenLoop(options, publish, log);
  await nats.drain();
  return { sent };
}

const commands = { openLoop };
/** What the publisher can be asked. */
export type NatsPublisherCommands = typeof commands;

serveCommands(commands);
