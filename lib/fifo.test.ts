import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "./fifo.js";

describe("fifo", () => {
  it("gives what an array would, over many more than it keeps", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9_000), fc.nat(9_000)), { maxLength: 6 }), (steps) => {
        const fifo = new Fifo<number>();
        let array: number[] = [];
        let next = 0;
        for (const [pushes, shifts] of steps) {
          for (let pushed = 0; pushed < pushes; pushed++, next++) {
            fifo.push(next);
            array.push(next);
          }
          const taken = Array.from({ length: shifts }, () => fifo.shift());
          expect(taken).toEqual(Array.from({ length: shifts }, (_, at) => array[at]));
          array = array.slice(shifts);
          expect([fifo.length, fifo.first]).toEqual([array.length, array[0]]);
        }
        expect([...fifo]).toEqual(array);
      }),
      { numRuns: 40 },
    );
  });
});
