import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SmallMap } from "./smallMap.js";

const step = fc.record({ act: fc.constantFrom("set", "set", "delete"), key: fc.nat(14), value: fc.nat() });

describe("a small map", () => {
  it("does what a Map does, however large it gets", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const [small, model] = [new SmallMap<number, number>(), new Map<number, number>()];
        for (const { act, key, value } of steps) {
          if (act === "delete") expect(small.delete(key)).toBe(model.delete(key));
          else {
            small.set(key, value);
            model.set(key, value);
          }
          expect([small.size, small.has(key), small.get(key)]).toEqual([model.size, model.has(key), model.get(key)]);
        }
        expect([...small]).toEqual([...model]);
      }),
    );
  });
});
