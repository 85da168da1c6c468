import type { Position } from "../protocol/position.js";
import type { Channel, Chunk, ChunkLimits } from "./channel.js";

/**
 * What answers a subscribe: what follows `position`, or, without one, nothing from now on. Nothing is continuous where this
 * NATS can't prove it. Rejects with a retryable error when the history can't be read.
 */
export async function answerPosition(channel: Channel, position: Position | undefined, limits: ChunkLimits): Promise<Chunk> {
  if (!position) return { publications: [], position: channel.position, continuous: true };
  if (!channel.isProvable) return { publications: [], position: channel.position, continuous: false };
  return channel.recent(position, limits) ?? (await channel.recover(position, limits));
}
