import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientFrame, ServerFrame as WireFrame } from "../../../gen/halley/v1/client.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import { Publication } from "../channel/publication.js";
import { binaryCodec } from "./binaryCodec.js";
import { CLOSE } from "./closeCodes.js";
import { chooseCodec, type Codec } from "./codec.js";
import { jsonCodec } from "./jsonCodec.js";
import type { ServerFrame } from "./serverFrame.js";

const MAX_FRAMES = 100;
const delimited = (...frames: ClientFrame[]): Buffer => Buffer.concat(frames.map((frame) => Buffer.from(new BinaryWriter().bytes(ClientFrame.encode(frame).finish()).finish())));
const reasonOf = (decode: () => unknown): string => {
  try {
    decode();
  } catch (error) {
    if (error instanceof RpcError) return error.reason;
    throw error;
  }
  return "";
};

describe("choosing a codec", () => {
  it("takes the first that is offered and known, and JSON otherwise", () => {
    expect(chooseCodec(["other", "halley.v1.protobuf", "halley.v1.json"])).toBe(binaryCodec);
    expect(chooseCodec(["halley.v1.json"])).toBe(jsonCodec);
    expect(chooseCodec([])).toBe(jsonCodec);
  });
});

describe.each<readonly [string, Codec]>([
  ["JSON", jsonCodec],
  ["binary", binaryCodec],
])("reading %s messages", (_name, codec) => {
  it("throws nothing but what the protocol answers, whatever the bytes", () => {
    const reasons = ["", "MALFORMED_FRAME", "TOO_MANY_FRAMES"];
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => { expect(reasons).toContain(reasonOf(() => codec.decode(Buffer.from(bytes), MAX_FRAMES))); }), { numRuns: 2_000 });
  });

  it("throws nothing else for messages that are nearly right", () => {
    const good = codec === jsonCodec ? Buffer.from('{"id":1,"subscribe":{"channel":"chat.x","position":{"offset":12,"epoch":"e"}}}\n{"pong":{}}') : delimited({ id: 1, frame: { $case: "subscribe", value: { channel: "chat.x", position: { offset: 12, epoch: "e" } } } }, { id: 0, frame: { $case: "pong", value: {} } });
    expect(codec.decode(good, MAX_FRAMES)).toHaveLength(2);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
        const bad = Buffer.from(good.subarray(0, length));
        if (at < length) bad[at] = byte;
        expect(["", "MALFORMED_FRAME"]).toContain(reasonOf(() => codec.decode(bad, MAX_FRAMES)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a message of more frames than may come at once", () => {
    const message = (count: number): Buffer => (codec === jsonCodec ? Buffer.from(Array.from({ length: count }, () => '{"pong":{}}').join("\n")) : Buffer.alloc(count));
    expect(codec.decode(message(MAX_FRAMES), MAX_FRAMES)).toHaveLength(MAX_FRAMES);
    expect(reasonOf(() => codec.decode(message(MAX_FRAMES + 1), MAX_FRAMES))).toBe("TOO_MANY_FRAMES");
  });
});

describe("reading binary frames", () => {
  it("gives what was written", () => {
    const frames: ClientFrame[] = [
      { id: 1, frame: { $case: "connect", value: { token: "t", session: "s", positions: { all: { offset: 2 ** 53 - 1, epoch: "e" } } } } },
      { id: 2, frame: { $case: "publish", value: { channel: "chat.x", type: "a", key: "k", data: { data: { $case: "protobuf", value: Buffer.from([0, 255]) } } } } },
    ];
    expect(binaryCodec.decode(delimited(...frames), MAX_FRAMES)).toEqual(frames.map((frame) => ({ ok: true, frame })));
  });

  it("refuses a frame that holds nothing, with its id, and an offset that no number can hold", () => {
    expect(binaryCodec.decode(delimited({ id: 9, frame: undefined }), MAX_FRAMES)).toMatchObject([{ ok: false, id: 9, error: { reason: "MALFORMED_FRAME" } }]);
    // subscribe { position { offset: 2^63 } }
    const offset = new BinaryWriter().uint32(8).uint64("9223372036854775808").finish();
    const subscribe = new BinaryWriter().uint32(18).bytes(offset).finish();
    const frame = new BinaryWriter().uint32(26).bytes(subscribe).finish();
    expect(reasonOf(() => binaryCodec.decode(Buffer.from(new BinaryWriter().bytes(frame).finish()), MAX_FRAMES))).toBe("MALFORMED_FRAME");
  });
});

describe("writing frames", () => {
  const publication = new Publication({
    channel: "chat.x", offset: 13, type: "a", payload: new UntypedPayload('{"text":"hü"}'), sender: "42", time: "2026-01-01T12:00:00.250Z", tags: { room: "7" },
  });
  const position = { offset: 13, epoch: "e" };
  const body = { position, recovered: true, publications: [publication] };
  const wireData = { data: { $case: "json", value: Buffer.from('{"text":"hü"}') } };
  const wirePublication = { channel: "chat.x", offset: 13, type: "a", data: wireData, sender: "42", time: { seconds: 1_767_268_800, nanos: 250_000_000 }, tags: { room: "7" } };
  const jsonPublication = { channel: "chat.x", offset: 13, type: "a", data: { text: "hü" }, sender: "42", time: "2026-01-01T12:00:00.250Z", tags: { room: "7" } };

  const frames: readonly (readonly [ServerFrame, object, WireFrame["frame"]])[] = [
    [{ kind: "publication", publication }, { publication: jsonPublication }, { $case: "publication", value: wirePublication } as WireFrame["frame"]],
    [
      { kind: "connected", id: 1, session: "s", user: 'a"b', pingIntervalMs: 25_000, subscriptions: new Map([["all", body]]) },
      { id: 1, connected: { session: "s", user: 'a"b', pingIntervalMs: 25_000, subscriptions: { all: { position, recovered: true, publications: [jsonPublication] } } } },
      { $case: "connected", value: { session: "s", user: 'a"b', pingIntervalMs: 25_000, subscriptions: { all: { channel: "", position, recovered: true, publications: [wirePublication] } } } } as WireFrame["frame"],
    ],
    [
      { kind: "subscribed", id: 2, channel: "chat.x", body: { ...body, publications: [] } },
      { id: 2, subscribed: { channel: "chat.x", position, recovered: true, publications: [] } },
      { $case: "subscribed", value: { channel: "chat.x", position, recovered: true, publications: [] } },
    ],
    [{ kind: "unsubscribed", id: 0, channel: "chat.x", reason: "SUBSCRIBE_DENIED" }, { unsubscribed: { channel: "chat.x", reason: "SUBSCRIBE_DENIED" } }, { $case: "unsubscribed", value: { channel: "chat.x", reason: "SUBSCRIBE_DENIED" } }],
    [{ kind: "published", id: 3, position, duplicate: true }, { id: 3, published: { position, duplicate: true } }, { $case: "published", value: { position, duplicate: true } }],
    [{ kind: "published", id: 3, position: undefined, duplicate: false }, { id: 3, published: { duplicate: false } }, { $case: "published", value: { position: undefined, duplicate: false } }],
    [{ kind: "members", id: 4, users: ["1", "2"], sessions: 3 }, { id: 4, members: { users: ["1", "2"], sessions: 3 } }, { $case: "members", value: { users: ["1", "2"], sessions: 3 } }],
    [
      { kind: "refreshed", id: 5, expiresAtMs: Date.UTC(2026, 0, 1) + 7 },
      { id: 5, refreshed: { expiresAt: "2026-01-01T00:00:00.007Z" } },
      { $case: "refreshed", value: { expiresAt: { seconds: Date.UTC(2026, 0, 1) / 1_000, nanos: 7_000_000 } } },
    ],
    [{ kind: "refreshed", id: 5, expiresAtMs: undefined }, { id: 5, refreshed: {} }, { $case: "refreshed", value: { expiresAt: undefined } }],
    [
      { kind: "error", id: 6, error: RpcError.invalid([{ field: "a", description: "b" }]) },
      { id: 6, error: { code: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", message: "a: b", retryable: false, violations: [{ field: "a", description: "b" }] } },
      { $case: "error", value: { code: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", message: "a: b", retryable: false, violations: [{ field: "a", description: "b" }] } },
    ],
    [{ kind: "reset", channel: "chat.x", position, reason: "HISTORY_LOST" }, { reset: { channel: "chat.x", position, reason: "HISTORY_LOST" } }, { $case: "reset", value: { channel: "chat.x", position, reason: "HISTORY_LOST" } }],
    [{ kind: "ping", positions: new Map([["chat", position]]) }, { ping: { positions: { chat: position } } }, { $case: "ping", value: { positions: { chat: position } } }],
    [{ kind: "ping", positions: new Map() }, { ping: { positions: {} } }, { $case: "ping", value: { positions: {} } }],
    [
      { kind: "disconnect", close: CLOSE.draining, afterMs: 1_830 },
      { disconnect: { code: 3000, reason: "draining", reconnect: true, afterMs: 1_830 } },
      { $case: "disconnect", value: { code: 3000, reason: "draining", reconnect: true, afterMs: 1_830 } },
    ],
  ];

  it.each(frames)("$kind, in JSON, in one line", (frame, json) => {
    const text = jsonCodec.encode(frame).toString("utf8");
    expect(JSON.parse(text)).toEqual(json);
    expect(text).not.toContain("\n");
  });

  it.each(frames)("$kind, in binary, behind its length", (frame, _json, wire) => {
    const reader = new BinaryReader(binaryCodec.encode(frame));
    expect(WireFrame.decode(reader.bytes())).toEqual({ id: "id" in frame ? frame.id : 0, frame: wire });
    expect(reader.pos).toBe(reader.len);
  });
});
