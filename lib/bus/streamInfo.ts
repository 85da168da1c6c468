import { createHash } from "node:crypto";
import { RpcError } from "../errors/rpcError.js";
import { askJetStream } from "./apiRequest.js";
import type { Bus } from "./bus.js";

/** The parts of STREAM.INFO that Halley reads; field names are NATS's. */
export interface ApiStreamInfo {
  readonly config: {
    readonly name: string;
    readonly description?: string;
    readonly subjects?: readonly string[];
    readonly max_msgs_per_subject?: number;
    readonly max_age?: number;
    readonly max_bytes?: number;
    readonly max_msgs?: number;
    readonly num_replicas?: number;
    readonly storage?: string;
    readonly discard?: string;
    readonly duplicate_window?: number;
    readonly allow_direct?: boolean;
    readonly deny_delete?: boolean;
    readonly deny_purge?: boolean;
    readonly allow_rollup_hdrs?: boolean;
    readonly allow_msg_ttl?: boolean;
    readonly mirror?: object;
    readonly sources?: readonly object[];
    readonly republish?: { readonly src?: string; readonly dest: string };
  };
  readonly created: string;
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    readonly first_ts: string;
    readonly messages: number;
    readonly bytes: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
  readonly cluster?: { readonly name?: string; readonly leader?: string; readonly replicas?: readonly object[] };
}

/** What a stream is and holds at one moment, by its leader. */
export interface StreamInfo {
  readonly name: string;
  /** Names this history; see `epochOf`. */
  readonly epoch: string;
  /** When the stream was created, as NATS writes it. */
  readonly created: string;
  /** Rises whenever what came before proves nothing any more. */
  readonly generation: number;
  /** The sequence of the oldest message, or, in an empty stream, of the next; 0 or 1 where nothing was ever stored. */
  readonly firstSequence: number;
  /** The sequence of the newest message ever stored, 0 when there was none. */
  readonly lastSequence: number;
  /** When the oldest message was stored, milliseconds since 1970. */
  readonly firstTimeMs: number;
  readonly maxAgeMs: number;
  readonly maxMessagesPerSubject: number;
  /** The name of the server that leads the stream; undefined on a server without a cluster, and where whoever answered knows of none. */
  readonly leader: string | undefined;
  /** Whether the stream is a cluster's: another server may lead it than the one that answered. */
  readonly clustered: boolean;
  /** Whether one server without a cluster has it: there is no replica that lags, or catches up. */
  readonly isSingle: boolean;
}

const DESCRIPTION = /^Halley: generation (\d+)$/;

/** The stream's description that holds its generation. */
export function describeGeneration(generation: number): string {
  return `Halley: generation ${String(generation)}`;
}

/** The generation that a description holds; 0 where it holds none. */
export function generationOf(description: string | undefined): number {
  return Number(DESCRIPTION.exec(description ?? "")?.[1] ?? 0);
}

/**
 * The epoch of a stream: 12 characters that differ whenever the history is another one. Made of the stream's name, when it
 * was created, and its generation. A stream that is deleted and made again has another creation time; a raised limit or a
 * restored back-up has another generation.
 */
export function epochOf({ config, created }: ApiStreamInfo): string {
  const identity = `${config.name} ${created} ${String(generationOf(config.description))}`;
  return createHash("sha256").update(identity).digest("base64url").slice(0, 12);
}

/** Whether a stream is an older state of the one that was known, brought back from a back-up: a generation never falls otherwise. */
export function isOlderState({ created, generation }: StreamInfo, known: StreamInfo): boolean {
  return created === known.created && generation < known.generation;
}

/** Asks the leader. Throws JetStreamError 10059 when there is no such stream, NATS_UNAVAILABLE while it has no leader. */
export async function fetchStreamInfo(bus: Bus, stream: string): Promise<StreamInfo> {
  const info = readStreamInfo(await askLeader(bus, stream, undefined));
  return { ...info, clustered: info.clustered || bus.clustered, isSingle: info.isSingle && !bus.clustered };
}

/** How many messages of a subject a stream holds, and where it ended then. */
export interface SubjectCount {
  readonly name: string;
  readonly count: number;
  readonly lastSequence: number;
}

/** How many messages the stream holds of one subject, by its leader. Throws like `fetchStreamInfo`. */
export async function countOfSubject(bus: Bus, stream: string, subject: string): Promise<SubjectCount> {
  const { state } = await askLeader(bus, stream, { subjects_filter: subject });
  return { name: stream, count: state.subjects?.[subject] ?? 0, lastSequence: state.last_seq };
}

/** While a stream of a cluster has no leader, its replicas answer: from what they have, nothing perhaps, as after a restart. */
async function askLeader(bus: Bus, stream: string, body: object | undefined): Promise<ApiStreamInfo> {
  const info = await askJetStream<ApiStreamInfo>(bus, `STREAM.INFO.${stream}`, body);
  if (info.cluster && (info.cluster.leader ?? "") === "") throw RpcError.natsUnavailable(`the stream ${stream} has no leader at the moment`);
  return info;
}

/** Shapes an answer of STREAM.INFO. */
export function readStreamInfo(info: ApiStreamInfo): StreamInfo {
  return {
    name: info.config.name,
    epoch: epochOf(info),
    created: info.created,
    generation: generationOf(info.config.description),
    firstSequence: info.state.first_seq,
    lastSequence: info.state.last_seq,
    firstTimeMs: Date.parse(info.state.first_ts),
    maxAgeMs: (info.config.max_age ?? 0) / 1_000_000,
    maxMessagesPerSubject: info.config.max_msgs_per_subject ?? -1,
    leader: info.cluster?.leader,
    clustered: info.cluster !== undefined,
    // A server without a cluster names itself as the leader, and no cluster.
    isSingle: (info.config.num_replicas ?? 1) <= 1 && (info.cluster?.name ?? "") === "" && (info.cluster?.replicas ?? []).length === 0,
  };
}
