import { type Clock, sleep } from "../clock.js";
import type { Namespaces } from "../config/namespaces.js";
import { RpcError } from "../errors/rpcError.js";
import type { Log } from "../log.js";
import { askJetStream, JetStreamError, jetStreamErrorCode } from "./apiRequest.js";
import type { Bus } from "./bus.js";
import { ensureLastSeenBucket } from "./lastSeenBucket.js";
import { OLDEST_CLUSTER, OLDEST_SERVER, olderThan } from "./serverVersion.js";
import { type ApiStreamInfo, epochOf, generationOf, readStreamInfo, type StreamInfo } from "./streamInfo.js";
import { changedStream, deadLetterStream, namespaceStream, nextGeneration, type StreamConfig, streamFaults, withGeneration } from "./streamSpec.js";
import { streamOf } from "./subjects.js";

/** What is needed to make the streams. */
export interface EnsureStreamsOptions {
  readonly bus: Bus;
  readonly namespaces: Namespaces;
  readonly log: Log;
  readonly clock: Clock;
  /** Ends the waiting for JetStream. */
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;
/** JetStream has too few servers for the replicas at the moment: a cluster that is still starting. */
const NO_SUITABLE_PEERS = 10005;

/**
 * Creates and updates the streams of all namespaces with history, of the dead letters, and the last-seen bucket. Idempotent,
 * also when several services do it at once; nothing is ever deleted or made anew. Waits while JetStream can't be reached.
 * Throws one sentence when it can't be done: a server too old, a stream whose settings can't be mended.
 */
export async function ensureStreams({ bus, namespaces, log, clock, signal }: EnsureStreamsOptions): Promise<void> {
  checkServer(bus, namespaces, log);
  for (let attempt = 1; ; attempt++) {
    try {
      await ensureAll({ bus, namespaces, log, clock });
      return;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      if (attempt === 1) log.warn({ err: error }, bus.hasJetStream ? "waiting for JetStream" : NO_JETSTREAM);
      await sleep(clock, RETRY_MS, signal);
    }
  }
}

const NO_JETSTREAM = "waiting for JetStream: the NATS server that answers runs without it; start nats-server with -js";

/**
 * Raises the generation of a namespace's stream, and with it the epoch: what clients hold then proves nothing any more. Does
 * nothing where the epoch is no longer `disproved`. Gives the stream as it is after.
 */
export async function raiseGeneration(bus: Bus, namespace: string, disproved: string, nowMs: number): Promise<StreamInfo> {
  const info = await askJetStream<ApiStreamInfo>(bus, `STREAM.INFO.${streamOf(namespace)}`, undefined);
  if (epochOf(info) !== disproved) return readStreamInfo(info);
  // On the stream's own settings: a service with an older halley.yaml must not bring back what it knows.
  return readStreamInfo(await updateStream(bus, withGeneration(info.config, nextGeneration(generationOf(info.config.description), nowMs))));
}

async function ensureAll({ bus, namespaces, log, clock }: Omit<EnsureStreamsOptions, "signal">): Promise<void> {
  const ensureStream = (wanted: StreamConfig): Promise<void> => ensureOne({ bus, log, clock }, wanted);
  for (const { name, history } of namespaces.all) {
    if (history) await ensureStream(namespaceStream(name, history, namespaces.replicas));
    else if (await findStream(bus, streamOf(name))) {
      log.warn({ namespace: name }, `the namespace has no history any more, but the stream ${streamOf(name)} still stores its messages: remove it`);
    }
  }
  await ensureStream(deadLetterStream(namespaces.replicas));
  await ensureLastSeenBucket(bus, namespaces.replicas);
}

async function ensureOne({ bus, log, clock }: Pick<EnsureStreamsOptions, "bus" | "log" | "clock">, wanted: StreamConfig): Promise<void> {
  const found = (await findStream(bus, wanted.name)) ?? (await createStream(bus, wanted));
  const changed = changedStream(found.config, wanted, clock.nowMs());
  const info = changed ? await updateStream(bus, changed) : found;
  if (changed) log.info({ stream: wanted.name, generation: generationOf(changed.description) }, "changed a stream's settings");
  const faults = wanted.republish ? streamFaults(info.config) : [];
  if (faults.length > 0) throw new Error(`the stream ${wanted.name} can't hold a history: ${faults.join(", ")}; back it up and remove it`);
}

async function findStream(bus: Bus, name: string): Promise<ApiStreamInfo | undefined> {
  try {
    return await askJetStream<ApiStreamInfo>(bus, `STREAM.INFO.${name}`, undefined);
  } catch (error) {
    if (error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.streamNotFound) return undefined;
    throw error;
  }
}

async function createStream(bus: Bus, wanted: StreamConfig): Promise<ApiStreamInfo> {
  try {
    return await askJetStream<ApiStreamInfo>(bus, `STREAM.CREATE.${wanted.name}`, withGeneration(wanted, 1));
  } catch (error) {
    // Another service, with another halley.yaml, was faster: what it made is updated.
    const taken = error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.streamNameInUse;
    const found = taken ? await findStream(bus, wanted.name) : undefined;
    if (found) return found;
    throw refused(wanted, error);
  }
}

async function updateStream(bus: Bus, config: StreamConfig): Promise<ApiStreamInfo> {
  try {
    return await askJetStream<ApiStreamInfo>(bus, `STREAM.UPDATE.${config.name}`, config);
  } catch (error) {
    throw refused(config, error);
  }
}

function refused({ name }: StreamConfig, error: unknown): unknown {
  if (!(error instanceof JetStreamError) || isTemporary(error)) return error;
  return new Error(`JetStream refuses the stream ${name}: ${error.message}`, { cause: error });
}

function isTemporary(error: unknown): boolean {
  if (error instanceof RpcError) return error.retryable;
  return error instanceof JetStreamError && error.errorCode === NO_SUITABLE_PEERS;
}

function checkServer(bus: Bus, { replicas }: Namespaces, log: Log): void {
  const version = bus.serverVersion;
  if (olderThan(version, OLDEST_SERVER)) {
    throw new Error(`the NATS server is version ${version}, Halley needs ${OLDEST_SERVER} or newer: update it`);
  }
  if ((bus.clustered || replicas > 1) && olderThan(version, OLDEST_CLUSTER)) {
    log.warn({ version }, `a cluster older than ${OLDEST_CLUSTER} can lose history without a trace: no client is told 'recovered'; update it`);
  }
}
