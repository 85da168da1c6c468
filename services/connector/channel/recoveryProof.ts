import type { History } from "../../../lib/bus/history.js";
import type { Anchor } from "../../../lib/bus/range.js";
import { assertReached } from "../../../lib/bus/replacedLeader.js";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import type { Clock } from "../../../lib/clock.js";

/** Messages this near to their expiry may be gone already by another replica's clock. */
export const EXPIRY_MARGIN_MS = 5_000;

/** What was read of a channel, and is to be proven whole. */
export interface Reading {
  /** The position. */
  readonly offset: number;
  /** The last sequence that was read on the way from it. */
  readonly readTo: number;
  /** The epoch that the position and the reading belong to. */
  readonly epoch: string;
  /** Where it was read in one answer that began with a message of the channel at or below the position. */
  readonly anchor?: Anchor | undefined;
}

/** What must be known of a channel to prove that nothing after a position is gone. All but the anchor by the leader. */
export interface Evidence extends Reading {
  /** The stream, asked after the reading ended, and after the channel's own messages were. */
  readonly info: StreamInfo;
  /** The sequence of the channel's first message, undefined when it has none, or was not asked for. */
  readonly firstOfChannel?: number | undefined;
  /** How many messages the channel holds; undefined when not asked for. */
  readonly count?: number | undefined;
  /** When the first message of the stream after the position was stored; undefined when there is none. */
  readonly firstAfterMs: number | undefined;
  readonly nowMs: number;
}

/**
 * Whether everything that was ever stored on the channel after the position, up to `readTo`, was still there to be read.
 * Only limits remove messages, oldest first. So it was, when
 * - the stream is the same and was not rolled back, and
 * - a message of the channel at or below the position is still there; or nothing of the whole stream after the position
 *   has been removed by age or size, and nothing of the channel by its own limit, and
 * - what comes first after the position is not about to expire.
 */
export function isProven({ firstAfterMs, nowMs, ...evidence }: Evidence): boolean {
  const { maxAgeMs } = evidence.info;
  return isWhole(evidence) && (maxAgeMs === 0 || firstAfterMs === undefined || firstAfterMs + maxAgeMs - nowMs >= EXPIRY_MARGIN_MS);
}

type State = Omit<Evidence, "firstAfterMs" | "nowMs">;

/** All of it but the expiry. */
function isWhole(state: State): boolean {
  const { offset, readTo, info, epoch, firstOfChannel } = state;
  if (info.epoch !== epoch || info.lastSequence < Math.max(offset, readTo)) return false;
  const olderStands = firstOfChannel !== undefined && firstOfChannel <= offset;
  const nothingRemoved = info.firstSequence <= offset + 1 && limitTookNothing(state);
  return olderStands || nothingRemoved;
}

/**
 * Whether the channel's own limit K has removed nothing after the position that the reading should have found. To remove a
 * message m of the channel it needs K newer ones. It has not,
 * - where no more than K messages of any channel were stored after the position: m would have fewer than K behind it. And
 * - where the channel holds fewer than K: nothing has made room since, else age or size did, which the stream's beginning tells. And
 * - where the reading was anchored, on one server alone, and that server counted no more than K messages from the anchor on.
 *
 * Why the anchor: it was stored when the server found it, so every later message of the channel was, too, at that moment. The
 * server looks its messages up one after another. From NATS 2.12 on it stores nothing in between (`isolateMu`, before it the
 * stream's lock, in getDirectRequest); before 2.12 it may. Were m gone when its turn came, the K newer ones would all lie ahead:
 * what the limit takes of them while they are read is replaced by newer ones still. So the server would end with the anchor and
 * K more, read or counted as left, for it counts anew where anything was stored meanwhile: K + 1. Without such a loss there are
 * never more than K, the anchor included, as long as it stands. So this needs no version beyond the one that has batches at all.
 * What is counted too high (messages that expired meanwhile) only makes it ask the leader. Age and size, which may remove while
 * it is read in any version, are not counted; they show in where the stream begins afterwards.
 *
 * Worked example, K = 3, the channel holds 11, 12, 13, and 11 is the position. While 11 is found, 14 and 15 come and push out 11
 * and 12; the answer is 11, 13, 14, 15: four, and 12 is missing. Had nothing come, it is 11, 12, 13.
 *
 * In a cluster it proves nothing: a replica that catches up takes what its leader holds **now**, so it may have the anchor still,
 * and the newer messages, and never get one in between that the leader has lost since; it counts no more than K until it is done
 * (runCatchup in jetstream_cluster.go). A mirror may miss them for ever; its answers are no anchors.
 */
function limitTookNothing({ offset, info, count, anchor }: State): boolean {
  const limit = info.maxMessagesPerSubject;
  if (limit <= 0 || info.lastSequence - offset <= limit) return true;
  return (count !== undefined && count < limit) || (anchor !== undefined && info.isSingle && anchor.count <= limit);
}

/**
 * Gathers the evidence after (offset, readTo] was read, asking only for what is needed, and judges it. Often the stream's own
 * state is enough, which all recoveries share; else the channel is asked for. It is counted before the stream is asked: when age
 * or size had taken anything after the position until then, which makes room under the channel's own limit, the stream says so.
 * In a cluster all of it comes behind a fence: a leader that was replaced may still hold what limits have removed since. Throws
 * NATS_UNAVAILABLE where one answered.
 */
export async function proveRecovery(history: History, { subject, ...reading }: Reading & { readonly subject: string }, clock: Clock): Promise<boolean> {
  const { offset } = reading;
  const fence = await history.fence();
  const early = { ...reading, info: await infoBehind(history, fence) };
  if (isWhole(early)) return isInTime(history, early, clock);
  // What was the channel's first at or below the position is gone by now.
  if (early.info.epoch !== reading.epoch || early.info.firstSequence > offset + 1) return false;
  const first = await history.firstFrom(subject, 1);
  const olderStands = first !== undefined && first.sequence <= offset;
  const counted = olderStands ? undefined : await history.countOf(subject);
  if (counted) assertReached(counted, fence);
  const state = { ...reading, info: await infoBehind(history, fence), firstOfChannel: first?.sequence, count: counted?.count };
  return isInTime(history, state, clock);
}

/** The stream, by a leader that wasn't replaced. */
async function infoBehind(history: History, fence: number): Promise<StreamInfo> {
  const info = await history.infoAfterNow();
  assertReached(info, fence);
  return info;
}

/** The last piece of the evidence: how old what comes first after the position is, where the stream's own first message doesn't tell. */
async function isInTime(history: History, state: State, clock: Clock): Promise<boolean> {
  const { offset, readTo, info, epoch } = state;
  if (info.epoch !== epoch || (await history.endsBefore(info, Math.max(offset, readTo))) || !isWhole(state)) return false;
  const streamIsYoung = info.maxAgeMs === 0 || info.firstTimeMs + info.maxAgeMs - clock.nowMs() >= EXPIRY_MARGIN_MS;
  const firstAfterMs = streamIsYoung ? undefined : (await history.firstOfStreamFrom(offset + 1))?.timeMs;
  return isProven({ ...state, firstAfterMs, nowMs: clock.nowMs() });
}
