import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionIds } from "./sessionId.js";

const SECRET = "a secret for tests only, long enough for HS256";
const ids = new SessionIds(SECRET);

describe("session ids", () => {
  it("are taken back by every connector with the same secret, for the same user", () => {
    const id = ids.create("a.b");
    expect(id.text).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect([id.bytes.length, id.key]).toEqual([16, id.bytes.toString("hex")]);
    expect(new SessionIds(SECRET).check(id.text, "a.b")).toEqual(id);
  });

  it("are never given twice", () => {
    expect(new Set(Array.from({ length: 1_000 }, () => ids.create("1").text)).size).toBe(1_000);
  });

  it("are refused to another user, under another secret, truncated, lengthened and forged", () => {
    const { text } = ids.create("1");
    expect(ids.check(text, "2")).toBeUndefined();
    expect(ids.check(text, "")).toBeUndefined();
    expect(new SessionIds(`${SECRET}.`).check(text, "1")).toBeUndefined();
    for (const wrong of ["", text.slice(0, -1), text.slice(1), `${text}AA`, text.repeat(2), "A".repeat(43), "=".repeat(43)]) expect(ids.check(wrong, "1")).toBeUndefined();
  });

  it("are refused when a single bit is another one", () => {
    const bytes = Buffer.from(ids.create("1").text, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes);
      forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(ids.check(forged.toString("base64url"), "1")).toBeUndefined();
    }
  });

  it("never throw, whatever is brought", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, user) => { expect(ids.check(text, user)).toBeUndefined(); }));
  });
});
