import { describe, expect, it } from "vitest";
import { readStampUs, stampedPayload } from "./payload.js";

describe("stampedPayload", () => {
  it("is JSON of exactly the size asked for, and its stamp is read back out of a frame", () => {
    const payload = stampedPayload(1_234_567_890_123, 128);
    expect(payload).toHaveLength(128);
    expect(JSON.parse(payload)).toMatchObject({ at: 1_234_567_890_123 });
    const frame = Buffer.from(`before{"publication":{"offset":7,"data":${payload}}}\n"at":5`);
    expect(readStampUs(frame, 6, frame.indexOf("\n"))).toBe(1_234_567_890_123);
  });

  it("gives NaN where a frame holds none", () => {
    const frame = Buffer.from('{"publication":{}}"at":5');
    expect(readStampUs(frame, 0, 18)).toBeNaN();
  });
});
