import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RpcError } from "../../../../lib/errors/rpcError.js";
import { DEFAULT_LIMITS } from "../../limits.js";
import { type PollRequest, readAnyBody, readPollRequest, readUsualBody } from "./pollRequest.js";

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

describe("the usual body of a poll", () => {
  const position = fc.record({ offset: fc.oneof(fc.nat(), fc.constantFrom<unknown>(-1, 1.5, "1", 2 ** 53, undefined)), epoch: fc.oneof(fc.string({ minLength: 1, maxLength: 70 }), fc.constantFrom<unknown>("", 1, undefined)) }, { requiredKeys: [] });
  const positions = fc.dictionary(fc.constantFrom("all", "user.1", "chat.x", "toString", "constructor"), fc.oneof({ weight: 5, arbitrary: position }, { weight: 1, arbitrary: fc.jsonValue() }));
  const body = fc.record(
    {
      session: fc.oneof(fc.string(), fc.constant("x".repeat(257)), fc.jsonValue()),
      token: fc.oneof(fc.string(), fc.jsonValue()),
      seq: fc.oneof(fc.nat(), fc.constantFrom(-1, 0.5, 2 ** 53)),
      frames: fc.oneof(fc.array(fc.jsonValue(), { maxLength: 3 }), fc.jsonValue()),
      positions: fc.oneof({ weight: 4, arbitrary: positions }, { weight: 1, arbitrary: fc.jsonValue() }),
      waitMs: fc.oneof(fc.nat(), fc.constantFrom(-1, 0.5)),
      more: fc.nat(),
    },
    { requiredKeys: [] },
  );
  const good = fc.record({ session: fc.string({ maxLength: 256 }), token: fc.string(), seq: fc.nat(), frames: fc.array(fc.jsonValue(), { maxLength: 3 }), positions: fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.record({ offset: fc.nat(), epoch: fc.string({ minLength: 1, maxLength: 64 }) })) });

  it("is read as the schema reads it, and anything else is left to the schema", () => {
    const parsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    fc.assert(fc.property(fc.oneof(body, good, fc.jsonValue()), (value) => {
      const usual = readUsualBody(parsed(value));
      if (usual) expect(usual).toEqual(readAnyBody(parsed(value)));
    }), { numRuns: 2_000 });
  });

  it("is taken without the schema", () => {
    fc.assert(fc.property(good, (value) => {
      expect(readUsualBody(value)).toEqual({ ...value, waitMs: undefined });
    }));
    expect(readUsualBody(JSON.parse('{"session":"","token":"","seq":0,"frames":[],"positions":{"__proto__":{"offset":1,"epoch":"e"}}}'))).toBeUndefined();
  });
});
