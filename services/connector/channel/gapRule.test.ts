import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gapRule, type GapVerdict } from "./gapRule.js";

describe("gap rule", () => {
  const cases: readonly (readonly [number, number, number, number, GapVerdict])[] = [
    [10, 7, 10, 10, "drop"],
    [9, 20, 10, 10, "drop"],
    [12, 10, 10, 10, "deliver"],
    [12, 8, 10, 10, "deliver"],
    [15, 12, 10, 10, "repair"],
    [20, 0, 10, 10, "ask"],
    [20, 0, 10, 19, "deliver"],
    [20, 0, 10, 18, "ask"],
    [11, 0, 10, 10, "deliver"],
    [1, 0, 0, 0, "deliver"],
    [2, 0, 0, 0, "ask"],
    [2, 1, 0, 0, "repair"],
    [15, 12, 10, 14, "repair"],
  ];

  for (const [sequence, previous, last, proven, verdict] of cases) {
    it(`sequence ${String(sequence)} after ${String(previous)}, with last ${String(last)} and proven ${String(proven)}: ${verdict}`, () => {
      expect(gapRule({ sequence, previous }, last, proven)).toBe(verdict);
    });
  }

  it("never delivers over a message of the channel, whatever was lost, repeated or swapped on the way", () => {
    const step = fc.record({ lost: fc.boolean(), again: fc.boolean(), hole: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let sequence = 0;
        const stored: number[] = [];
        const arriving: { sequence: number; previous: number }[] = [];
        for (const { lost, again, hole } of steps) {
          const previous = sequence === 0 ? 0 : (stored.at(-1) ?? 0);
          sequence += 1 + hole;
          stored.push(sequence);
          if (!lost) arriving.push({ sequence, previous });
          if (again) arriving.push({ sequence, previous });
        }
        let last = 0;
        const delivered: number[] = [];
        for (const place of arriving) {
          const verdict = gapRule(place, last, last);
          if (verdict === "drop") continue;
          // A repair or an answer brings what the stream has up to it.
          if (verdict !== "deliver") delivered.push(...stored.filter((one) => one > last && one < place.sequence));
          delivered.push(place.sequence);
          last = place.sequence;
        }
        expect(delivered).toEqual(stored.filter((one) => one <= last));
      }),
    );
  });
});
