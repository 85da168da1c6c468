// A process: publishes, over gRPC as backends do, or straight onto JetStream as the floor.
import { connect } from "nats";
import { stampedPayload } from "../payload.js";
import { serveCommands } from "../process/commands.js";
import { emptyCalls } from "./emptyCaller.js";
import { GrpcPublisher, type Messages } from "./grpcPublisher.js";
import { JetStreamPublisher } from "./jetStreamPublisher.js";
import { type Latencies, LatencyLog } from "./latencyLog.js";
import { type OpenLoopOptions, runOpenLoop } from "./openLoop.js";
import { type Rate, type RateOptions, runRate, type Way } from "./rateRun.js";

interface Started {
  readonly grpc: GrpcPublisher;
  readonly jetStream: JetStreamPublisher;
  /** The floor of unary calls. */
  readonly empty: Way | undefined;
}

/** To whom to connect, and what to publish. */
interface StartOptions extends Messages {
  readonly publishPort: number;
  readonly apiKey: string;
  readonly natsUrl: string;
  /** Of the server that answers empty calls, where they are measured. */
  readonly emptyCallsPort?: number;
}

const NAMESPACE = "bench";
let present: Started | undefined;

function started(): Started {
  if (!present) throw new Error("not started");
  return present;
}

/** Connects to the publish service and to NATS. */
async function start({ publishPort, apiKey, natsUrl, emptyCallsPort, ...messages }: StartOptions): Promise<void> {
  const nats = await connect({ servers: natsUrl, name: "halley-bench" });
  const empty = emptyCallsPort === undefined ? undefined : emptyCalls(emptyCallsPort);
  present = { grpc: new GrpcPublisher({ port: publishPort, apiKey, ...messages }), jetStream: new JetStreamPublisher(nats, messages), empty };
}

/** Makes empty calls as fast as answers come. */
function emptyRate(options: RateOptions): Promise<Rate> {
  const { empty } = started();
  if (!empty) throw new Error("there is no server for empty calls");
  return runRate(empty, options);
}

/** Publishes as fast as acknowledgements come, in one of the ways; what was acknowledged must be stored. */
async function rate({ way, ...options }: RateOptions & { readonly way: "unary" | "batch" | "stream" | "floor" }): Promise<Rate> {
  const { grpc, jetStream } = started();
  const before = await jetStream.stored(NAMESPACE);
  const run = await runRate(way === "floor" ? jetStream.way : grpc[way], options);
  const stored = (await jetStream.stored(NAMESPACE)) - before;
  if (stored < run.acknowledged) throw new Error(`${String(run.acknowledged)} messages were acknowledged, ${String(stored)} stored`);
  return run;
}

/** Publishes at a fixed rate, one call a message, whether answers come or not. */
async function openLoop(options: OpenLoopOptions): Promise<{ acknowledgement: Latencies; sent: number }> {
  const { grpc } = started();
  const log = new LatencyLog(options.startUs + options.warmUpMs * 1_000, Math.ceil((options.perSecond * options.measureMs) / 1_000) + 1);
  const sent = await runOpenLoop(options, (payload) => grpc.publishOne(options.channel, payload), log);
  return { acknowledgement: log.summary(), sent };
}

/** Publishes so many messages over gRPC to channels in turn, each when the one before is stored. */
async function oneByOne({ count, channels, payloadBytes }: { readonly count: number; readonly channels: readonly string[]; readonly payloadBytes: number }): Promise<void> {
  const payload = stampedPayload(0, payloadBytes);
  for (let index = 0; index < count; index++) await started().grpc.publishOne(channels[index % channels.length] ?? "", payload);
}

const commands = { start, rate, emptyRate, openLoop, oneByOne };
/** What the publishers can be asked. */
export type PublishersCommands = typeof commands;

serveCommands(commands);
