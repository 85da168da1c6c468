import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { ClientFrame, ServerFrame as WireFrame, type Subscribed } from "../../../gen/halley/v1/client.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Codec } from "./codec.js";
import { type ReadFrame, tooManyFrames } from "./readFrame.js";
import type { ServerFrame, SubscribedBody } from "./serverFrame.js";

/** The field number of `publication` in ServerFrame, and its tag: length-delimited. */
const PUBLICATION_TAG = (9 << 3) | 2;

/** Protobuf frames, each behind its length as a varint, several per binary message. */
export const binaryCodec: Codec = {
  subprotocol: "halley.v1.protobuf",
  binary: true,
  separator: Buffer.alloc(0),
  encode: (frame) => (frame.kind === "publication" ? encodePublication(frame.publication.wire) : encodeFrame(frame)),
  decode: decodeDelimited,
};

function decodeDelimited(message: Buffer, maxFrames: number): ReadFrame[] {
  try {
    const reader = new BinaryReader(message);
    const frames: ReadFrame[] = [];
    while (reader.pos < reader.len) {
      if (frames.length === maxFrames) throw tooManyFrames(maxFrames);
      frames.push(readOne(ClientFrame.decode(reader.bytes())));
    }
    return frames;
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw new RpcError("MALFORMED_FRAME", "a binary message must hold ClientFrames, each behind its length as a varint", { cause: error });
  }
}

function readOne(frame: ClientFrame): ReadFrame {
  if (frame.frame !== undefined) return { ok: true, frame };
  return { ok: false, id: frame.id, error: new RpcError("MALFORMED_FRAME", "the frame holds nothing that this server knows") };
}

/** A ServerFrame that holds a publication, made of the publication's bytes. */
function encodePublication(wire: Uint8Array): Buffer {
  const frame = new BinaryWriter().uint32(PUBLICATION_TAG).bytes(wire).finish();
  return Buffer.from(new BinaryWriter().bytes(frame).finish());
}

function encodeFrame(frame: Exclude<ServerFrame, { kind: "publication" }>): Buffer {
  const wire: WireFrame = { id: "id" in frame ? frame.id : 0, frame: toWire(frame) };
  return Buffer.from(new BinaryWriter().bytes(WireFrame.encode(wire).finish()).finish());
}

function toWire(frame: Exclude<ServerFrame, { kind: "publication" }>): WireFrame["frame"] {
  switch (frame.kind) {
    case "connected": {
      const { session, user, pingIntervalMs } = frame;
      const subscriptions = Object.fromEntries([...frame.subscriptions].map(([channel, body]) => [channel, subscribed("", body)]));
      return { $case: "connected", value: { session, user, pingIntervalMs, subscriptions } };
    }
    case "subscribed":
      return { $case: "subscribed", value: subscribed(frame.channel, frame.body) };
    case "unsubscribed":
      return { $case: "unsubscribed", value: { channel: frame.channel, reason: frame.reason } };
    case "published":
      return { $case: "published", value: { position: frame.position, duplicate: frame.duplicate } };
    case "members":
      return { $case: "members", value: { users: [...frame.users], sessions: frame.sessions } };
    case "refreshed":
      return { $case: "refreshed", value: { expiresAt: frame.expiresAtMs === undefined ? undefined : timestamp(frame.expiresAtMs) } };
    case "error": {
      const { code, reason, message, retryable, violations } = frame.error;
      return { $case: "error", value: { code, reason, message, retryable, violations: [...violations] } };
    }
    case "reset":
      return { $case: "reset", value: { channel: frame.channel, position: frame.position, reason: frame.reason } };
    case "ping":
      return { $case: "ping", value: { positions: Object.fromEntries(frame.positions) } };
    case "disconnect": {
      const { code, reason, reconnect } = frame.close;
      return { $case: "disconnect", value: { code, reason, reconnect, afterMs: frame.afterMs } };
    }
  }
}

function subscribed(channel: string, { position, recovered, publications }: SubscribedBody): Subscribed {
  return { channel, position, recovered, publications: publications.map((publication) => publication.toWire()) };
}

function timestamp(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
}
