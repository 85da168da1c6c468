import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareIds } from "./idOrder.js";

describe("order of ids", () => {
  it("orders by UTF-8 bytes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "\uFFFD", "\uFF5E", "\u{10000}", "\u{1F600}"), maxLength: 4 });
    fc.assert(fc.property(text, text, (a, b) => { expect(Math.sign(compareIds(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b))); }));
  });
});
