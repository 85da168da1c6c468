import { randomBytes } from "node:crypto";
import { makeHeaders, type PublishHeaders } from "../../lib/bus/bus.js";
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
  const values: Record<string, string | undefined> = {
    [header.messageId]: key === "" ? `g ${PROCESS}${String(generated++)}` : `b ${channel} ${key}`,
    [header.time]: new Date(timeMs).toISOString(),
    [header.type]: type === "" ? undefined : type,
    [header.contentType]: payload.encoding === "protobuf" ? contentType.protobuf : undefined,
    [header.traceparent]: traceparent,
  };
  for (const [name, value] of Object.entries(tags)) values[header.tagPrefix + name] = value;
  return makeHeaders(values);
}

/** A W3C trace context as it came in, or undefined where it is none. */
export function validTraceparent(value: string | undefined): string | undefined {
  return value !== undefined && TRACEPARENT.test(value) ? value : undefined;
}
