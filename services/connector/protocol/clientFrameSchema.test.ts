import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { positionSchema, readJsonFrame } from "./clientFrameSchema.js";

const refusal = (value: unknown): readonly [number, string, readonly string[]] => {
  const read = readJsonFrame(value);
  if (read.ok) throw new Error(`taken: ${JSON.stringify(value)}`);
  return [read.id, read.error.reason, read.error.violations.map(({ field }) => field)];
};

describe("a client frame in JSON", () => {
  it.each([
    [{ id: 1, connect: { token: "t" } }, { token: "t", session: "", positions: {} }],
    [{ id: 1, connect: { token: "t", session: "s", positions: { all: { offset: 3, epoch: "e" }, "user.1": {} } } }, { token: "t", session: "s", positions: { all: { offset: 3, epoch: "e" }, "user.1": undefined } }],
    [{ id: 1, subscribe: { channel: "chat.x" } }, { channel: "chat.x" }],
    [{ id: 1, subscribe: { channel: "chat.x", position: { offset: 0, epoch: "e" } } }, { channel: "chat.x", position: { offset: 0, epoch: "e" } }],
    [{ id: 1, unsubscribe: { channel: "chat.x" } }, { channel: "chat.x" }],
    [{ id: 1, members: { channel: "chat.x" } }, { channel: "chat.x" }],
    [{ id: 1, refresh: { token: "t" } }, { token: "t" }],
    [{ id: 1, pong: {} }, {}],
  ])("is taken: %j", (frame, value) => {
    const kind = Object.keys(frame)[1];
    expect(readJsonFrame(frame)).toEqual({ ok: true, frame: { id: 1, frame: { $case: kind, value } } });
  });

  it("carries any JSON value as data, null and false too", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const read = readJsonFrame(JSON.parse(JSON.stringify({ id: 2, publish: { channel: "chat.x", data } })));
        const payload = read.ok && read.frame.frame?.$case === "publish" ? read.frame.frame.value.data?.data : undefined;
        expect(payload?.$case).toBe("json");
        expect(JSON.parse(payload?.value.toString("utf8") ?? "")).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it("needs no id where no answer is awaited", () => {
    expect(readJsonFrame({ pong: {} })).toMatchObject({ ok: true, frame: { id: 0 } });
  });

  it.each<readonly [unknown, number, string, readonly string[]]>([
    [null, 0, "MALFORMED_FRAME", []],
    [7, 0, "MALFORMED_FRAME", []],
    [[{ pong: {} }], 0, "MALFORMED_FRAME", []],
    [{}, 0, "MALFORMED_FRAME", []],
    [{ id: 5 }, 5, "MALFORMED_FRAME", []],
    [{ id: -1, pong: {} }, 0, "MALFORMED_FRAME", []],
    [{ id: 1.5, pong: {} }, 0, "MALFORMED_FRAME", []],
    [{ id: 2 ** 32, pong: {} }, 0, "MALFORMED_FRAME", []],
    [{ id: "1", pong: {} }, 0, "MALFORMED_FRAME", []],
    [{ id: 5, dance: {} }, 5, "MALFORMED_FRAME", []],
    [{ id: 5, toString: {} }, 5, "MALFORMED_FRAME", []],
    [JSON.parse('{"id":5,"__proto__":{}}'), 5, "MALFORMED_FRAME", []],
    [{ id: 5, pong: {}, members: { channel: "x" } }, 5, "MALFORMED_FRAME", []],
    [{ id: 5, pong: { more: 1 } }, 5, "INVALID_REQUEST", ["pong"]],
    [{ id: 5, subscribe: {} }, 5, "INVALID_REQUEST", ["subscribe.channel"]],
    [{ id: 5, subscribe: { channel: 7, position: { offset: -1, epoch: 3 } } }, 5, "INVALID_REQUEST", ["subscribe.channel", "subscribe.position.epoch", "subscribe.position.offset"]],
    [{ id: 5, publish: { channel: "chat.x" } }, 5, "INVALID_REQUEST", ["publish.data"]],
    [{ id: 5, connect: { token: "t", positions: { all: 7 } } }, 5, "INVALID_REQUEST", ["connect.positions.all"]],
  ])("is refused with its id: %j", (frame, id, reason, fields) => {
    const [refusedId, refusedReason, refusedFields] = refusal(frame);
    expect([refusedId, refusedReason, [...refusedFields].sort()]).toEqual([id, reason, fields]);
  });

  it("never throws", () => {
    const kinds = fc.constantFrom("connect", "subscribe", "unsubscribe", "publish", "members", "refresh", "pong", "toString", "__proto__");
    fc.assert(fc.property(fc.anything(), (value) => { readJsonFrame(value); }));
    fc.assert(fc.property(kinds, fc.anything(), (kind, body) => { readJsonFrame({ id: 1, [kind]: body }); }));
  });
});

describe("a position in JSON", () => {
  it.each([
    [{}, undefined],
    [null, undefined],
    [{ offset: 0, epoch: "" }, undefined],
    [{ offset: 5 }, undefined],
    [{ epoch: "e" }, { offset: 0, epoch: "e" }],
    [{ offset: 2 ** 53 - 1, epoch: "e".repeat(64) }, { offset: 2 ** 53 - 1, epoch: "e".repeat(64) }],
  ])("%j is %j", (sent, position) => {
    expect(positionSchema.parse(sent)).toEqual(position);
  });

  it.each([{ offset: 2 ** 53, epoch: "e" }, { offset: 1, epoch: "e".repeat(65) }, { offset: "1", epoch: "e" }, { offset: 1, epoch: "e", more: 1 }])("refuses %j", (sent) => {
    expect(positionSchema.safeParse(sent).success).toBe(false);
  });
});
