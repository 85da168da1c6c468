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

type Body = z.output<typeof schema>;

const MEMBERS = new Set(Object.keys(schema.shape));

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What the schema gives, for what nearly all polls look like; undefined: ask the schema, which takes ten times as long and says what is wrong. */
export function readUsualBody(value: unknown): Body | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Object.keys(value).every((name) => MEMBERS.has(name))) return undefined;
  const { session, token, seq, frames, positions, waitMs } = value as Readonly<Record<string, unknown>>;
  if (typeof session !== "string" || session.length > 256 || typeof token !== "string" || !isCount(seq)) return undefined;
  if (!Array.isArray(frames) || !(waitMs === undefined || isCount(waitMs)) || !areUsualPositions(positions)) return undefined;
  return { session, token, seq, frames: frames as unknown[], positions, waitMs };
}

/** Each has an offset and an epoch, and nothing else. */
function areUsualPositions(value: unknown): value is Record<string, Position> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const name of Object.keys(value)) {
    if (name === "__proto__" || !isUsualPosition((value as Record<string, unknown>)[name])) return false;
  }
  return true;
}

function isUsualPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) return false;
  const { offset, epoch } = value as Partial<Position>;
  return isCount(offset) && typeof epoch === "string" && epoch !== "" && epoch.length <= 64;
}

/** Reads the body of a poll. Throws INVALID_REQUEST or MALFORMED_FRAME with everything that is wrong. */
export function readPollRequest(body: Buffer, limits: Limits): PollRequest {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new RpcError("MALFORMED_FRAME", `the body is not JSON: ${error instanceof Error ? error.message : "unreadable"}`);
  }
  const { session, token, seq, frames, positions, waitMs = limits.pollWaitMs } = readUsualBody(value) ?? readAnyBody(value);
  if (frames.length > limits.framesPerPoll) {
    throw RpcError.invalid([{ field: "frames", description: `holds ${String(frames.length)} frames, at most ${String(limits.framesPerPoll)} are allowed` }]);
  }
  return { session, token, seq, frames: frames.map(readJsonFrame), positions: new Map(Object.entries(positions)), waitMs: Math.min(waitMs, limits.pollWaitMs) };
}

/** Throws INVALID_REQUEST with everything that is wrong. */
export function readAnyBody(value: unknown): Body {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw RpcError.invalid(parsed.error.issues.map(({ path, message }) => ({ field: path.map(String).join(".") || "body", description: message })));
}
