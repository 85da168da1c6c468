import { z } from "zod";
import { RpcError } from "../../../../lib/errors/rpcError.js";
import type { Limits } from "../../limits.js";
import { positionsSchema, readJsonFrame } from "../../protocol/clientFrameSchema.js";
import type { Position } from "../../protocol/position.js";
import type { ReadFrame } from "../../protocol/readFrame.js";

/** One poll, as a client sent it. */
export interface PollRequest {
  /** The session to go on with; "" for a new one. */
  readonly session: string;
  readonly token: string;
  /** Rises with each new request of a session; a repeated one has the same. */
  readonly seq: number;
  readonly frames: readonly ReadFrame[];
  /** The whole set of subscriptions, each with where the client stands; undefined: from now on. */
  readonly positions: ReadonlyMap<string, Position | undefined>;
  readonly waitMs: number;
}

const schema = z.strictObject({
  session: z.string().max(256).default(""),
  token: z.string().default(""),
  seq: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  frames: z.array(z.unknown()).default([]),
  positions: positionsSchema.default({}),
  waitMs: z.number().int().min(0).optional(),
});

/** Reads the body of a poll. Throws INVALID_REQUEST or MALFORMED_FRAME with everything that is wrong. */
export function readPollRequest(body: Buffer, limits: Limits): PollRequest {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new RpcError("MALFORMED_FRAME", `the body is not JSON: ${error instanceof Error ? error.message : "unreadable"}`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw RpcError.invalid(parsed.error.issues.map(({ path, message }) => ({ field: path.map(String).join(".") || "body", description: message })));
  }
  const { frames, positions, waitMs = limits.pollWaitMs, ...rest } = parsed.data;
  if (frames.length > limits.framesPerPoll) {
    throw RpcError.invalid([{ field: "frames", description: `holds ${String(frames.length)} frames, at most ${String(limits.framesPerPoll)} are allowed` }]);
  }
  return { ...rest, frames: frames.map(readJsonFrame), positions: new Map(Object.entries(positions)), waitMs: Math.min(waitMs, limits.pollWaitMs) };
}
