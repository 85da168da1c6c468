import { describe, expect, it } from "vitest";
import { advanced, covers, isSeen, namespaceOf, raised } from "./positions.js";

const at = (offset: number, epoch = "e"): { offset: number; epoch: string } => ({ offset, epoch });

describe("positions", () => {
  it("know what was seen", () => {
    expect([11, 12, 13].map((offset) => isSeen(at(12), offset))).toEqual([true, true, false]);
  });

  it("advance, and never go back", () => {
    expect(advanced(at(12), 15)).toEqual(at(15));
    expect(advanced(at(12), 3)).toEqual(at(12));
  });

  it("are raised by a proof of the same history only, never back", () => {
    expect(raised(at(12), at(40))).toEqual(at(40));
    expect(raised(at(12), at(5))).toEqual(at(12));
    expect(raised(at(12), at(40, "other"))).toEqual(at(12));
    expect(raised(at(0, ""), at(40))).toEqual(at(40));
  });

  it("cover what lies before them in the same history", () => {
    expect(covers(at(12), at(12))).toBe(true);
    expect(covers(at(11), at(12))).toBe(false);
    expect(covers(at(99, "other"), at(12))).toBe(false);
  });

  it("belong to the namespace that the first token names", () => {
    expect(["chat.room.42", "all"].map(namespaceOf)).toEqual(["chat", "all"]);
  });
});
