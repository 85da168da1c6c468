import { z } from "zod";

const position = z.object({ offset: z.number(), epoch: z.string() });
const publication = z.looseObject({ offset: z.number() });

/** A frame of the server, of which the CLI reads these parts (docs/PROTOCOL.md). */
const frame = z.object({
  id: z.number().optional(),
  connected: z.object({ user: z.string(), pingIntervalMs: z.number().optional() }).optional(),
  subscribed: z.object({ channel: z.string(), position, recovered: z.boolean(), publications: z.array(publication).default([]) }).optional(),
  unsubscribed: z.object({ channel: z.string(), reason: z.string().optional() }).optional(),
  publication: publication.extend({ channel: z.string() }).optional(),
  reset: z.object({ channel: z.string(), position, reason: z.string() }).optional(),
  error: z.object({ code: z.string(), reason: z.string(), message: z.string() }).optional(),
  ping: z.object({ positions: z.record(z.string(), position).default({}) }).optional(),
  disconnect: z.object({ code: z.number(), reason: z.string(), reconnect: z.boolean().optional(), afterMs: z.number().optional() }).optional(),
});

/** A place in a channel's history. */
export type WirePosition = z.output<typeof position>;

/** A frame of the server. */
export type WireFrame = z.output<typeof frame>;

/** The answer to a subscribe. */
export type WireSubscribed = NonNullable<WireFrame["subscribed"]>;

/** A publication as it came. */
export type WirePublication = NonNullable<WireFrame["publication"]>;

/** The frames of a message; undefined when it holds anything else. */
export function readFrames(message: string): readonly WireFrame[] | undefined {
  try {
    return message.split("\n").filter((line) => line !== "").map((line) => frame.parse(JSON.parse(line)));
  } catch {
    return undefined;
  }
}
