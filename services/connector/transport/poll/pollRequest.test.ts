import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RpcError } from "../../../../lib/errors/rpcError.js";
import { DEFAULT_LIMITS } from "../../limits.js";
import { type PollRequest, readPollRequest } from "./pollRequest.js";

const read = (body: unknown): PollRequest => readPollRequest(Buffer.from(JSON.stringify(body)), DEFAULT_LIMITS);
const refusal = (act: () => unknown): readonly [string, readonly string[]] => {
  try {
    act();
  } catch (error) {
    if (error instanceof RpcError) return [error.reason, error.violations.map(({ field }) => field)];
    throw error;
  }
  return ["", []];
};

describe("a poll", () => {
  it("is read whole", () => {
    const position = { offset: 13, epoch: "e" };
    expect(read({ session: "s", token: "t", seq: 7, frames: [{ id: 1, pong: {} }], positions: { "chat.x": position, "chat.y": {} }, waitMs: 5 })).toEqual({
      session: "s", token: "t", seq: 7, frames: [{ ok: true, frame: { id: 1, frame: { $case: "pong", value: {} } } }],
      positions: new Map([["chat.x", position], ["chat.y", undefined]]), waitMs: 5,
    });
  });

  it("needs little", () => {
    expect(read({})).toEqual({ session: "", token: "", seq: 0, frames: [], positions: new Map(), waitMs: DEFAULT_LIMITS.pollWaitMs });
  });

  it("waits no longer than it may", () => {
    expect(read({ waitMs: 10_000_000 }).waitMs).toBe(DEFAULT_LIMITS.pollWaitMs);
  });

  it("keeps a frame that is wrong, to be answered by itself", () => {
    expect(read({ frames: [{ id: 3, toString: {} }, 7] }).frames).toMatchObject([{ ok: false, id: 3 }, { ok: false, id: 0 }]);
  });

  it.each<readonly [string, string, readonly string[]]>([
    ["", "MALFORMED_FRAME", []],
    ["{", "MALFORMED_FRAME", []],
    ["[]", "INVALID_REQUEST", ["body"]],
    ["null", "INVALID_REQUEST", ["body"]],
    ['{"seq":-1,"waitMs":"1","session":7}', "INVALID_REQUEST", ["seq", "session", "waitMs"]],
    ['{"frame":[]}', "INVALID_REQUEST", ["body"]],
    ['{"positions":{"chat.x":{"offset":0.5}}}', "INVALID_REQUEST", ["positions.chat.x.offset"]],
    [JSON.stringify({ frames: Array.from({ length: 201 }, () => ({ pong: {} })) }), "INVALID_REQUEST", ["frames"]],
    [JSON.stringify({ session: "x".repeat(257) }), "INVALID_REQUEST", ["session"]],
  ])("is refused: %.60s", (body, reason, fields) => {
    const [refused, refusedFields] = refusal(() => readPollRequest(Buffer.from(body), DEFAULT_LIMITS));
    expect([refused, [...refusedFields].sort()]).toEqual([reason, fields]);
  });

  it("throws nothing but what the protocol answers", () => {
    const reasons = ["", "MALFORMED_FRAME", "INVALID_REQUEST"];
    fc.assert(fc.property(fc.uint8Array(), (bytes) => { expect(reasons).toContain(refusal(() => readPollRequest(Buffer.from(bytes), DEFAULT_LIMITS))[0]); }));
    fc.assert(
      fc.property(fc.record({ session: fc.jsonValue(), seq: fc.jsonValue(), frames: fc.jsonValue(), positions: fc.jsonValue() }, { requiredKeys: [] }), (body) => { expect(reasons).toContain(refusal(() => read(body))[0]); }),
    );
    const deep = `{"frames":[{"id":1,"publish":{"channel":"chat.x","data":${"[".repeat(50_000)}${"]".repeat(50_000)}}}]}`;
    expect(readPollRequest(Buffer.from(deep), DEFAULT_LIMITS).frames).toMatchObject([{ ok: false, id: 1 }]);
  });
});
