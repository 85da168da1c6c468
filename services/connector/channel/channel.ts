import type { Position } from "../protocol/position.js";
import type { Batch } from "./batch.js";
import type { Publication } from "./publication.js";

/** Someone who gets a channel's publications as they come. Called synchronously, in order. */
export interface Subscriber {
  /** The next publications, those of one turn together. */
  onPublications(batch: Batch): void;
  /**
   * Continuity is lost: in `hole` only, where one is given. Who stands before it goes on at the channel's position; who stands in
   * it knew more than the channel did, and reads on from there.
   */
  onReset(reason: ResetReason, hole?: Hole): void;
  /** One of these calls threw: where the client stands is not known here any more, and it must begin again from its position. Never throws. */
  onFault(): void;
}

/** Offsets of which some may be lost: above the first, up to the second. */
export interface Hole {
  readonly above: number;
  readonly upTo: number;
}

/** Why a live subscription lost its continuity. */
export type ResetReason = "HISTORY_LOST" | "HISTORY_CLEARED" | "HISTORY_CHANGED" | "NATS_DISCONNECTED";

/** How much may be read at once. At least one publication is, where there is one. */
export interface ChunkLimits {
  readonly chunkMessages: number;
  readonly chunkBytes: number;
}

/** What follows a position. */
export interface Chunk {
  /** Oldest first. Empty when `continuous` is false. */
  readonly publications: readonly Publication[];
  /** The position after them. */
  readonly position: Position;
  /** Whether it is proven that nothing is missing between the position asked for and this one. */
  readonly continuous: boolean;
}

/** A channel that this connector has interest in. */
export interface Channel {
  readonly name: string;
  /** Whether it has been live once: before, it has no position, and nothing can be read. */
  readonly isOpen: boolean;
  /** Whether this NATS can prove a recovery at all: a cluster older than 2.11 can't, its replicas may differ for good. */
  readonly isProvable: boolean;
  /** The newest position that is proven: nothing above it has been delivered. */
  readonly position: Position;
  /**
   * A position up to which the channel is proven and which holds for the whole namespace; undefined while the channel is
   * behind, and where there is none. What waits is handed over first, so that subscribers have everything up to it.
   */
  provenWatermark(): Position | undefined;
  /** Resolves when the channel is live; rejects with a retryable error. */
  opened(): Promise<void>;
  /** What follows a position, from memory; undefined when that doesn't reach. A chunk that ends at the channel's own
   * `position` is followed by live publications for those who attach in the same tick. */
  recent(position: Position, limits: ChunkLimits): Chunk | undefined;
  /** What follows a position, from the history. Rejects with a retryable error. */
  recover(position: Position, limits: ChunkLimits): Promise<Chunk>;
  /** Tells a subscriber, who is not attached yet, of what comes from now on; gives the seat to `detach`. */
  attach(subscriber: Subscriber): number;
  /** Tells the subscriber nothing more. Idempotent. */
  detach(seat: number, subscriber: Subscriber): void;
  /** Ends the interest. */
  close(): void;
}
