import { randomBytes } from "node:crypto";
import { PublishHeaders } from "../../lib/bus/publishHeaders.js";
import { contentType, header } from "../../lib/bus/subjects.js";
import type { AcceptedMessage } from "./acceptMessage.js";

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const PROCESS = randomBytes(12).toString("base64url");
let generated = 0;

/**
 * The headers that describe a message on NATS. Its id is the backend's key, scoped by channel, or a new one, so that a
 * retry of ours is stored once.
 */
export function messageHeaders({ channel, type, key, tags, payload }: AcceptedMessage, timeMs: number, traceparent: string | undefined): PublishHeaders {
  const headers = new PublishHeaders();
  headers.add(header.messageId, key === "" ? `g ${PROCESS}${String(generated++)}` : `b ${channel} ${key}`);
  headers.add(header.time, isoTime(timeMs));
  if (type !== "") headers.add(header.type, type);
  if (payload.encoding === "protobuf") headers.add(header.contentType, contentType.protobuf);
  if (traceparent !== undefined) headers.add(header.traceparent, traceparent);
  for (const name of Object.keys(tags)) headers.add(header.tagPrefix + name, tags[name] ?? "");
  return headers;
}

let lastTime = { ms: NaN, iso: "" };

/** Many messages come within one millisecond. */
function isoTime(ms: number): string {
  if (lastTime.ms !== ms) lastTime = { ms, iso: new Date(ms).toISOString() };
  return lastTime.iso;
}

/** A W3C trace context as it came in, or undefined where it is none. */
export function validTraceparent(value: string | undefined): string | undefined {
  return value !== undefined && TRACEPARENT.test(value) ? value : undefined;
}
