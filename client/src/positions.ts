import { type Position } from "./frames.js";

/** Whether a publication at `offset` was handled already by one who stands at `position`. */
export function isSeen(position: Position, offset: number): boolean {
  return offset <= position.offset;
}

/** The position after a publication at `offset`; never back. */
export function advanced(position: Position, offset: number): Position {
  return isSeen(position, offset) ? position : { offset, epoch: position.epoch };
}

/**
 * The position after it was proven that nothing is missing up to `proven`: raised in the same epoch only, never back. A
 * position without an epoch is none (a poll gives it to a channel that could not be read so far).
 */
export function raised(position: Position, proven: Position): Position {
  if (position.epoch === "") return proven;
  return proven.epoch === position.epoch ? advanced(position, proven.offset) : position;
}

/** Whether one who stands at `position` misses nothing that `other` has: same history, and as far or further. */
export function covers(position: Position, other: Position): boolean {
  return position.epoch === other.epoch && position.offset >= other.offset;
}

/** The first token of a channel name. */
export function namespaceOf(channel: string): string {
  const dot = channel.indexOf(".");
  return dot === -1 ? channel : channel.slice(0, dot);
}
