import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import { Publication } from "./publication.js";
import { Ring } from "./ring.js";
import { RingBudget } from "./ringBudget.js";

const publication = (offset: number, payloadBytes = 0): Publication =>
  new Publication({ channel: "chat.x", offset, type: "", payload: new UntypedPayload(" ".repeat(payloadBytes)), sender: "", time: "", tags: undefined });
/** Of a publication without payload. */
const SIZE = publication(1).heldBytes;

const offsets = (publications: readonly Publication[]): number[] => publications.map(({ offset }) => offset);

/** A ring beside the list of everything that was ever on the channel. */
class Model {
  readonly rings: { readonly ring: Ring; readonly all: Publication[]; newest: number }[];
  readonly budget: RingBudget;

  constructor(count: number, ringBytes: number, budgetBytes: number) {
    this.budget = new RingBudget(budgetBytes);
    this.rings = Array.from({ length: count }, () => ({ ring: new Ring(0, ringBytes, this.budget), all: [], newest: 0 }));
  }

  check(): void {
    for (const { ring, all } of this.rings) {
      const above = all.filter(({ offset }) => offset > ring.floor);
      expect(offsets(ring.since(ring.floor, Infinity, Infinity))).toEqual(offsets(above));
      expect(ring.bytes).toBe(above.reduce((sum, { heldBytes }) => sum + heldBytes, 0));
      for (const { offset } of above) expect(offsets(ring.since(offset, Infinity, Infinity))).toEqual(offsets(above.filter((one) => one.offset > offset)));
    }
    expect(this.budget.bytes).toBe(this.rings.reduce((sum, { ring }) => sum + ring.bytes, 0));
  }
}

describe("ring", () => {
  it("holds everything above its floor and counts what it holds, whatever is pushed, encoded, read back, cleared or evicted", () => {
    const step = fc.record({
      ring: fc.nat(2),
      act: fc.constantFrom("push", "push", "push", "push", "encode", "encode", "extend", "clear", "evict"),
      hole: fc.integer({ min: 1, max: 5 }),
      bytes: fc.nat(200),
      back: fc.nat(8),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model(3, 6 * SIZE, 12 * SIZE);
        for (const { ring: at, act, hole, bytes, back } of steps) {
          const one = model.rings[at]!;
          if (act === "push") {
            one.newest += hole;
            const made = publication(one.newest, bytes);
            one.all.push(made);
            one.ring.push(made);
          } else if (act === "extend") {
            const { floor } = one.ring;
            const from = Math.max(0, floor - back);
            one.ring.extendDown(from, one.all.filter(({ offset }) => offset > from && offset <= floor));
          } else if (act === "encode") {
            // Of any publication, also of one that was dropped long ago.
            const chosen = one.all.at(-1 - back);
            if (chosen) expect(chosen.json.length + (bytes % 2 ? chosen.wire.length : 0)).toBeGreaterThan(0);
          } else if (act === "clear") one.ring.clear(one.newest);
          else one.ring.evict();
          model.check();
          expect(one.ring.bytes).toBeLessThanOrEqual(6 * SIZE);
          expect(model.budget.bytes).toBeLessThanOrEqual(12 * SIZE);
        }
      }),
    );
  });

  it("drops the oldest past its bytes, thousands of times", () => {
    const ring = new Ring(0, 100 * SIZE, new RingBudget(Infinity));
    for (let offset = 1; offset <= 5_000; offset++) ring.push(publication(offset));
    expect(ring.floor).toBe(4_900);
    expect(offsets(ring.since(4_998, 10, Infinity))).toEqual([4_999, 5_000]);
  });

  it("gives at least one, and no more than the limits", () => {
    const ring = new Ring(0, 100 * SIZE, new RingBudget(Infinity));
    for (let offset = 1; offset <= 10; offset++) ring.push(publication(offset));
    expect(offsets(ring.since(0, 3, Infinity))).toEqual([1, 2, 3]);
    expect(offsets(ring.since(2, 100, 1))).toEqual([3]);
    expect(offsets(ring.since(2, 100, SIZE + 1))).toEqual([3, 4]);
    expect(ring.since(10, 100, 100)).toEqual([]);
  });

  it("keeps nothing of a publication larger than itself, and says so by its floor", () => {
    const ring = new Ring(0, 2 * SIZE, new RingBudget(Infinity));
    ring.push(publication(1));
    ring.push(publication(2, 10 * SIZE));
    expect([ring.floor, ring.bytes]).toEqual([2, 0]);
  });

  it("takes older ones only where there is room for all of them", () => {
    const ring = new Ring(10, 3 * SIZE, new RingBudget(Infinity));
    ring.push(publication(11));
    ring.extendDown(5, [publication(6), publication(7), publication(8)]);
    expect(ring.floor).toBe(10);
    ring.extendDown(6, [publication(7), publication(8)]);
    expect([ring.floor, offsets(ring.since(6, 10, Infinity))]).toEqual([6, [7, 8, 11]]);
    ring.extendDown(8, []);
    expect(ring.floor).toBe(6);
  });
});

describe("ring budget", () => {
  it("empties the rings that were longest unused, not the one that is being used", () => {
    const budget = new RingBudget(5 * SIZE);
    const [first, second, third] = Array.from({ length: 3 }, () => new Ring(0, 10 * SIZE, budget));
    first!.push(publication(1));
    second!.push(publication(1));
    second!.push(publication(2));
    first!.push(publication(2));
    third!.push(publication(1));
    expect(budget.bytes).toBe(5 * SIZE);
    third!.push(publication(2));
    expect([first!.bytes, second!.bytes, third!.bytes]).toEqual([2 * SIZE, 0, 2 * SIZE]);
    expect(second!.floor).toBe(2);
  });

  it("lets one ring alone have more, which its own bound limits", () => {
    const budget = new RingBudget(SIZE);
    const ring = new Ring(0, 3 * SIZE, budget);
    for (let offset = 1; offset <= 9; offset++) ring.push(publication(offset));
    expect([ring.bytes, budget.bytes]).toEqual([3 * SIZE, 3 * SIZE]);
  });
});
