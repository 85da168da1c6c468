import { z } from "zod";
import type { ClientFrame } from "../../../gen/halley/v1/client.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { ReadFrame } from "./readFrame.js";

/** The largest integer that JSON and JavaScript carry exactly; offsets stay below it. */
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

const id = z.number().int().min(0).max(0xffff_ffff);

/** A position in JSON. Without an epoch (`{}`), and null, it is none: from now on. */
export const positionSchema = z
  .strictObject({ offset: z.number().int().min(0).max(MAX_OFFSET).default(0), epoch: z.string().max(64).default("") })
  .nullable()
  .transform((position) => (position === null || position.epoch === "" ? undefined : position));

/** Positions by channel, in connect and in polls. */
export const positionsSchema = z.record(z.string(), positionSchema);

// Channel names are checked where they are used, with a reason of their own.
const channel = z.strictObject({ channel: z.string() });

const BODIES = {
  connect: z.strictObject({ token: z.string().default(""), session: z.string().default(""), positions: positionsSchema.default({}) }),
  subscribe: z.strictObject({ channel: z.string(), position: positionSchema.optional() }),
  unsubscribe: channel,
  publish: z.strictObject({ channel: z.string(), type: z.string().default(""), data: z.unknown(), key: z.string().default("") }),
  members: channel,
  refresh: z.strictObject({ token: z.string() }),
  pong: z.strictObject({}),
} as const;

/** Reads one JSON value as a client frame. */
export function readJsonFrame(value: unknown): ReadFrame {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, id: 0, error: new RpcError("MALFORMED_FRAME", "a frame must be a JSON object") };
  }
  const { id: rawId, ...rest } = value as Record<string, unknown>;
  const parsedId = id.safeParse(rawId ?? 0);
  if (!parsedId.success) {
    return { ok: false, id: 0, error: new RpcError("MALFORMED_FRAME", "id must be an integer from 0 to 4294967295") };
  }
  const [kind, ...more] = Object.keys(rest);
  if (kind === undefined || more.length > 0 || !Object.hasOwn(BODIES, kind)) {
    const known = Object.keys(BODIES).join(", ");
    const error = new RpcError("MALFORMED_FRAME", `a frame must hold exactly one of ${known}, beside its id`);
    return { ok: false, id: parsedId.data, error };
  }
  return readBody(parsedId.data, kind as keyof typeof BODIES, rest[kind]);
}

function readBody(frameId: number, kind: keyof typeof BODIES, raw: unknown): ReadFrame {
  const parsed = BODIES[kind].safeParse(raw);
  if (!parsed.success) {
    const violations = parsed.error.issues.map((issue) => ({ field: [kind, ...issue.path.map(String)].join("."), description: issue.message }));
    return { ok: false, id: frameId, error: RpcError.invalid(violations) };
  }
  if (kind !== "publish") {
    // The schemas above have the shape of the generated messages, but for the payload.
    return { ok: true, frame: { id: frameId, frame: { $case: kind, value: parsed.data } } as ClientFrame };
  }
  const { channel: name, type, data, key } = parsed.data as z.output<typeof BODIES.publish>;
  if (data === undefined) {
    return { ok: false, id: frameId, error: RpcError.invalid([{ field: "publish.data", description: "must be a JSON value" }]) };
  }
  const text = textOf(data);
  if (text === undefined) return { ok: false, id: frameId, error: RpcError.invalid([{ field: "publish.data", description: "is nested too deeply" }]) };
  const payload = { data: { $case: "json", value: Buffer.from(text) } } as const;
  return { ok: true, frame: { id: frameId, frame: { $case: "publish", value: { channel: name, type, key, data: payload } } } };
}

/** The JSON text of a parsed value; undefined where it is nested more deeply than can be walked. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
