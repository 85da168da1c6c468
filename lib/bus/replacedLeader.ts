import { RpcError } from "../errors/rpcError.js";
import type { StreamInfo } from "./streamInfo.js";

/**
 * Whether a stream really ends before a sequence that it had once, which means that it was rolled back. A server of a cluster
 * that was frozen or cut off goes on as leader until it hears that another was elected, and answers for a moment after it, when
 * it knows of no leader: what it holds may end earlier. So a tick is stored, which it can't do. Throws NATS_UNAVAILABLE where
 * the answer was such a one's.
 *
 * Worked example: 179 was seen, and a leader says that the stream ends at 175. The tick is stored as 183: nothing was lost,
 * ask again. The tick is stored as 176: 176 to 179 are gone.
 */
export async function endsBefore({ name, lastSequence, clustered, leader = "somebody" }: StreamInfo, sequence: number, storeTick: () => Promise<number>): Promise<boolean> {
  if (lastSequence >= sequence) return false;
  // Without a cluster nobody can be elected.
  if (!clustered) return true;
  const stored = await storeTick();
  if (stored <= sequence) return true;
  throw RpcError.natsUnavailable(`${leader} answered for ${name} as its leader, and ends at ${String(lastSequence)}; a tick was stored at ${String(stored)}`);
}

/** Throws NATS_UNAVAILABLE where an answer doesn't reach up to a sequence that the stream had reached before it was asked. */
export function assertReached({ name, lastSequence }: Pick<StreamInfo, "name" | "lastSequence">, fence: number): void {
  if (lastSequence < fence) throw RpcError.natsUnavailable(`whoever answered for ${name} ends at ${String(lastSequence)}, and a tick was stored at ${String(fence)}: it leads no more`);
}
