import type { History } from "../../../lib/bus/history.js";
import { assertReached } from "../../../lib/bus/replacedLeader.js";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import type { Clock } from "../../../lib/clock.js";

/** Messages this near to their expiry may be gone already by another replica's clock. */
export const EXPIRY_MARGIN_MS = 5_000;

/** What must be known of a channel to prove that nothing after a position is gone. All of it by the leader. */
export interface Evidence {
  /** The position. */
  readonly offset: number;
  /** The last sequence that was read on the way from it. */
  readonly readTo: number;
  /** The stream, asked after the reading ended. */
  readonly info: StreamInfo;
  /** The epoch that the position and the reading belong to. */
  readonly epoch: string;
  /** The sequence of the channel's first message, undefined when it has none. */
  readonly firstOfChannel: number | undefined;
  /** How many messages the channel holds. */
  readonly count: number;
  /** When the first message of the stream after the position was stored; undefined when there is none. */
  readonly firstAfterMs: number | undefined;
  readonly nowMs: number;
}

/**
 * Whether everything that was ever stored on the channel after the position, up to `readTo`, was still there to be read.
 * Only limits remove messages, oldest first. So it was, when
 * - the stream is the same and was not rolled back, and
 * - a message of the channel at or below the position is still there; or nothing of the whole stream after the position
 *   has been removed by age or size, and the channel is below its own limit, and
 * - what comes first after the position is not about to expire.
 */
export function isProven({ offset, readTo, info, epoch, firstOfChannel, count, firstAfterMs, nowMs }: Evidence): boolean {
  if (info.epoch !== epoch || info.lastSequence < Math.max(offset, readTo)) return false;
  const olderStands = firstOfChannel !== undefined && firstOfChannel <= offset;
  const limit = info.maxMessagesPerSubject;
  const nothingRemoved = info.firstSequence <= offset + 1 && (limit <= 0 || count < limit);
  if (!olderStands && !nothingRemoved) return false;
  return info.maxAgeMs === 0 || firstAfterMs === undefined || firstAfterMs + info.maxAgeMs - nowMs >= EXPIRY_MARGIN_MS;
}

/**
 * Gathers the evidence after (offset, readTo] was read, asking only for what is needed, and judges it. The channel is
 * counted before the stream is asked: when age or size had taken anything after the position until then, which makes room
 * under the channel's own limit, the stream says so. In a cluster all of it comes behind a fence: a leader that was replaced
 * may still hold what limits have removed since. Throws NATS_UNAVAILABLE where one answered.
 */
export async function proveRecovery(
  history: History,
  { subject, offset, readTo, epoch }: { readonly subject: string; readonly offset: number; readonly readTo: number; readonly epoch: string },
  clock: Clock,
): Promise<boolean> {
  const fence = await history.fence();
  const first = await history.firstFrom(subject, 1);
  const olderStands = first !== undefined && first.sequence <= offset;
  const counted = olderStands ? undefined : await history.countOf(subject);
  const info = await history.infoAfterNow();
  for (const answer of counted ? [counted, info] : [info]) assertReached(answer, fence);
  if (info.epoch !== epoch || (await history.endsBefore(info, Math.max(offset, readTo)))) return false;
  const streamIsYoung = info.maxAgeMs === 0 || info.firstTimeMs + info.maxAgeMs - clock.nowMs() >= EXPIRY_MARGIN_MS;
  const firstAfterMs = streamIsYoung ? undefined : (await history.firstOfStreamFrom(offset + 1))?.timeMs;
  return isProven({ offset, readTo, info, epoch, firstOfChannel: first?.sequence, count: counted?.count ?? 0, firstAfterMs, nowMs: clock.nowMs() });
}
