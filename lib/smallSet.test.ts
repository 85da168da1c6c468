import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SmallSet } from "./smallSet.js";

const members = Array.from({ length: 5 }, (_, name) => ({ name }));
const step = fc.record({ act: fc.constantFrom("add", "add", "delete", "delete", "clear"), member: fc.constantFrom(...members) });

describe("a small set", () => {
  it("does what a Set does, however large it gets", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const [small, model] = [new SmallSet<object>(), new Set<object>()];
        for (const { act, member } of steps) {
          if (act === "add") {
            small.add(member);
            model.add(member);
          } else if (act === "delete") {
            small.delete(member);
            model.delete(member);
          } else {
            small.clear();
            model.clear();
          }
          const visited: object[] = [];
          small.forEach((one) => visited.push(one));
          expect([small.size, visited]).toEqual([model.size, [...model]]);
        }
      }),
    );
  });

  it("does not visit who was removed meanwhile", () => {
    const small = new SmallSet<object>();
    for (const member of members) small.add(member);
    const visited: object[] = [];
    small.forEach((one) => {
      visited.push(one);
      for (const member of members.slice(1)) small.delete(member);
    });
    expect(visited).toEqual([members[0]]);
  });

  it("visits nobody else once it was cleared, also while it is visited", () => {
    const small = new SmallSet<object>();
    for (const member of members.slice(0, 3)) small.add(member);
    const visited: object[] = [];
    small.forEach((one) => {
      visited.push(one);
      small.clear();
    });
    expect([visited, small.size]).toEqual([[members[0]], 0]);
  });
});
