import { describe, expect, it } from "vitest";
import { Verifier } from "./verifier.js";

function answer(offsets: readonly number[], recovered = true): Buffer {
  return Buffer.from(JSON.stringify({ id: 2, subscribed: { channel: "bench.a", position: { offset: 9, epoch: "e" }, recovered, publications: offsets.map((offset) => ({ offset })) } }));
}

describe("Verifier", () => {
  const missed = { "bench.a": [4, 6, 9] };
  const take = (verifier: Verifier, bytes: Buffer): readonly number[] => verifier.take("bench.a", bytes, 0, bytes.length);

  it("takes exactly what was missed, again and again", () => {
    const verifier = new Verifier(missed);
    for (let time = 0; time < 3; time++) expect(take(verifier, answer([4, 6, 9]))).toEqual([]);
  });

  it("says what is still to come", () => {
    expect(take(new Verifier(missed), answer([4, 6]))).toEqual([9]);
  });

  it("refuses holes, strangers and a false verdict", () => {
    for (const offsets of [[4, 9], [6, 9], [4, 6, 9, 10], [4, 4, 6, 9]]) expect(() => take(new Verifier(missed), answer(offsets))).toThrow("other messages");
    expect(() => take(new Verifier(missed), answer([], false))).toThrow("not recovered");
  });
});
