import { RpcError } from "../../../lib/errors/rpcError.js";
import { readJsonFrame } from "./clientFrameSchema.js";
import type { Codec } from "./codec.js";
import { encodePositions } from "./position.js";
import { type ReadFrame, tooManyFrames } from "./readFrame.js";
import type { ServerFrame, SubscribedBody } from "./serverFrame.js";

/** JSON frames, separated by line feeds within a text message. */
export const jsonCodec: Codec = {
  subprotocol: "halley.v1.json",
  binary: false,
  separator: Buffer.from("\n"),
  encode: (frame) => Buffer.from(encodeJsonFrame(frame)),
  decode: (message, maxFrames) => (message.equals(PONG) ? PONG_FRAMES : decodeLines(message.toString("utf8"), maxFrames)),
};

/** What idle clients send all the time needs no reading. */
const PONG = Buffer.from('{"pong":{}}');
const PONG_FRAMES: readonly ReadFrame[] = [readJsonFrame({ pong: {} })];

function decodeLines(text: string, maxFrames: number): readonly ReadFrame[] {
  const lines = text.split("\n", maxFrames + 1);
  if (lines.length > maxFrames) throw tooManyFrames(maxFrames);
  return lines.filter((line) => line.trim() !== "").map((line) => readJsonFrame(parseLine(line)));
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new RpcError("MALFORMED_FRAME", `a frame is not JSON: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

/** One frame as a JSON text without line feeds. Publications are spliced in as they were encoded once. */
export function encodeJsonFrame(frame: ServerFrame): string {
  if (frame.kind === "publication") return `{"publication":${frame.publication.json}}`;
  const prefix = "id" in frame && frame.id !== 0 ? `{"id":${String(frame.id)},` : "{";
  return `${prefix}${encodeRest(frame)}}`;
}

function encodeRest(frame: Exclude<ServerFrame, { kind: "publication" }>): string {
  switch (frame.kind) {
    case "connected": {
      const { session, user, pingIntervalMs, subscriptions } = frame;
      const bodies = [...subscriptions].map(([channel, body]) => `${JSON.stringify(channel)}:{${encodeSubscribed(body)}}`).join(",");
      const head = JSON.stringify({ session, user, pingIntervalMs }).slice(1, -1);
      return `"connected":{${head},"subscriptions":{${bodies}}}`;
    }
    case "subscribed":
      return `"subscribed":{"channel":${JSON.stringify(frame.channel)},${encodeSubscribed(frame.body)}}`;
    case "unsubscribed":
      return member("unsubscribed", { channel: frame.channel, reason: frame.reason === "" ? undefined : frame.reason });
    case "published":
      return member("published", { position: frame.position, duplicate: frame.duplicate });
    case "members":
      return member("members", { users: frame.users, sessions: frame.sessions });
    case "refreshed":
      return member("refreshed", { expiresAt: frame.expiresAtMs === undefined ? undefined : new Date(frame.expiresAtMs).toISOString() });
    case "error":
      return member("error", errorBody(frame.error));
    case "reset":
      return member("reset", { channel: frame.channel, position: frame.position, reason: frame.reason });
    case "ping":
      return `"ping":{"positions":${encodePositions(frame.positions)}}`;
    case "disconnect": {
      const { code, reason, reconnect } = frame.close;
      return member("disconnect", { code, reason, reconnect, afterMs: frame.afterMs });
    }
  }
}

/** An error as clients see it, in frames and in the bodies of refused polls. */
export function errorBody({ code, reason, message, retryable, violations }: RpcError): object {
  return { code, reason, message, retryable, ...(violations.length > 0 ? { violations } : {}) };
}

function member(name: string, value: object): string {
  return `"${name}":${JSON.stringify(value)}`;
}

function encodeSubscribed({ position, recovered, publications }: SubscribedBody): string {
  const list = publications.map((publication) => publication.json).join(",");
  return `"position":${JSON.stringify(position)},"recovered":${String(recovered)},"publications":[${list}]`;
}
