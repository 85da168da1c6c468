import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareIds } from "./idOrder.js";
import { SortedIds } from "./sortedIds.js";

describe("sorted ids", () => {
  it("orders by UTF-8 bytes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "\uFFFD", "\uFF5E", "\u{10000}", "\u{1F600}"), maxLength: 4 });
    fc.assert(fc.property(text, text, (a, b) => { expect(Math.sign(compareIds(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b))); }));
  });

  it("holds and pages what a sorted array would", () => {
    const operations = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2_000 })), { minLength: 1_500, maxLength: 3_000, size: "max" });
    fc.assert(
      fc.property(operations, fc.integer({ min: 0, max: 2_000 }), (changes, from) => {
        const ids = new SortedIds();
        const all = new Set<string>();
        for (const [add, n] of changes) {
          const id = String(n);
          expect(add ? ids.add(id) : ids.delete(id)).toBe(add !== all.has(id));
          if (add) all.add(id);
          else all.delete(id);
        }
        const sorted = [...all].sort();
        expect(ids.size).toBe(sorted.length);
        expect(ids.after(undefined, Infinity)).toEqual(sorted);
        expect(ids.after(String(from), 700)).toEqual(sorted.filter((id) => id > String(from)).slice(0, 700));
      }),
      { numRuns: 20 },
    );
  });
});
