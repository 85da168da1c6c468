import type { History } from "../config/namespaces.js";
import { type ApiStreamInfo, describeGeneration, generationOf } from "./streamInfo.js";
import { DEAD_STREAM, streamOf, subjects } from "./subjects.js";

/** A stream's configuration, as JetStream's API takes and gives it. Fields that it leaves out are zero, false or none. */
export type StreamConfig = ApiStreamInfo["config"] & {
  readonly retention?: string;
  readonly sealed?: boolean;
  readonly no_ack?: boolean;
  readonly subject_transform?: object;
};

/** JetStream counts durations in nanoseconds. */
const NS_PER_MS = 1_000_000;
/** How long JetStream remembers message ids; not longer than the history, which JetStream would refuse. */
const DEDUPE_MS = 10 * 60_000;

/** Dead letters are for looking at what went wrong lately, not an archive. */
const DEAD_LETTERS: History = { messages: -1, ageMs: 7 * 86_400_000, bytes: 256 * 2 ** 20 };
const MAX_DEAD_LETTERS = 10_000;

/** The stream of a namespace with history: every promise about a history rests on these settings. */
export function namespaceStream(namespace: string, history: History, replicas: number): StreamConfig {
  return {
    ...limited(history, replicas),
    name: streamOf(namespace),
    subjects: subjects.ofStream(namespace),
    max_msgs: -1,
    allow_direct: true,
    deny_delete: true,
    deny_purge: true,
    allow_rollup_hdrs: false,
    republish: subjects.republishTransform,
  };
}

/** The stream of dead letters: 10,000 messages, 7 days, 256 MiB at most. */
export function deadLetterStream(replicas: number): StreamConfig {
  return { ...limited(DEAD_LETTERS, replicas), name: DEAD_STREAM, subjects: [subjects.deadAll], max_msgs: MAX_DEAD_LETTERS };
}

function limited({ messages, ageMs, bytes }: History, replicas: number): Omit<StreamConfig, "name"> {
  return {
    storage: "file",
    retention: "limits",
    discard: "old",
    max_msgs_per_subject: messages,
    max_age: ageMs * NS_PER_MS,
    max_bytes: bytes,
    duplicate_window: Math.min(DEDUPE_MS, ageMs) * NS_PER_MS,
    num_replicas: replicas,
  };
}

/**
 * What makes a stream's history unprovable: each a clause for an operator. Only limits may remove messages, oldest first,
 * and what is stored must be republished and readable as it was published. Empty for a stream as Halley makes it.
 */
export function streamFaults(config: StreamConfig): string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [config.storage !== "file", "its storage is not 'file'"],
    [(config.retention ?? "limits") !== "limits", "its retention is not 'limits'"],
    [(config.discard ?? "old") !== "old", "it discards new messages instead of old ones"],
    [config.deny_delete !== true, "single messages can be deleted (deny_delete is off)"],
    [config.deny_purge !== true, "it can be purged (deny_purge is off)"],
    [config.allow_rollup_hdrs === true, "it allows roll-ups"],
    [config.allow_msg_ttl === true, "it allows message TTLs"],
    [config.allow_direct !== true, "it doesn't allow direct gets"],
    [config.sealed === true, "it is sealed"],
    [config.no_ack === true, "it doesn't acknowledge"],
    [config.mirror !== undefined, "it is a mirror"],
    [(config.sources ?? []).length > 0, "it has sources"],
    [config.subject_transform !== undefined, "it transforms subjects"],
    [!same(config.republish, subjects.republishTransform), "it doesn't republish halley.pub.> to halley.out.>"],
  ];
  return rules.filter(([broken]) => broken).map(([, fault]) => fault);
}

/**
 * The configuration that turns `current` into `wanted`; undefined when it is so already. What `wanted` is silent about
 * (placement, metadata) stays. The generation is raised where the history before can't be judged by the new settings: a
 * limit was raised, or faults are mended.
 */
export function changedStream(current: StreamConfig, wanted: StreamConfig, nowMs: number): StreamConfig | undefined {
  if (Object.entries(wanted).every(([field, value]) => same(current[field as keyof StreamConfig], value))) return undefined;
  const doubtful = limitRaised(current, wanted) || (wanted.republish !== undefined && streamFaults(current).length > 0);
  const generation = generationOf(current.description);
  return withGeneration({ ...current, ...wanted }, doubtful ? nextGeneration(generation, nowMs) : generation);
}

/**
 * The generation after this one: seconds since 1970, but always higher. A mere count would come again where the same back-up is put
 * back twice, and with it an epoch that names another history. In seconds, so that services that raise it at once agree.
 */
export function nextGeneration(generation: number, nowMs: number): number {
  return Math.max(generation + 1, Math.floor(nowMs / 1_000));
}

/** The same configuration under another generation. */
export function withGeneration(config: StreamConfig, generation: number): StreamConfig {
  return { ...config, description: describeGeneration(generation) };
}

function limitRaised(current: StreamConfig, wanted: StreamConfig): boolean {
  const limits = ["max_msgs_per_subject", "max_msgs", "max_bytes", "max_age"] as const;
  return limits.some((limit) => bound(wanted[limit]) > bound(current[limit]));
}

/** JetStream writes "no limit" as 0, -1 or nothing. */
function bound(limit: number | undefined): number {
  return limit === undefined || limit <= 0 ? Infinity : limit;
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left ?? false)) === JSON.stringify(sorted(right ?? false));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(String).sort();
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).filter(([, field]) => field !== false).sort(([a], [b]) => (a < b ? -1 : 1));
}
