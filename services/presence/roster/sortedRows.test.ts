import { describe, expect, it } from "vitest";
import { SortedRows } from "./sortedRows.js";

describe("sorted rows", () => {
  // Row n has the id n, as four bytes that are ordered as the number is.
  const bytes = (row: number): Buffer => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(row);
    return id;
  };
  const order = { compare: (row: number, other: number) => row - other, compareTo: (row: number, id: Uint8Array) => Buffer.compare(bytes(row), id) };

  it("take no more memory than their rows need when most have gone", () => {
    const sorted = new SortedRows(order);
    for (let row = 0; row < 100_000; row++) sorted.add(row);
    expect(sorted.room).toBeLessThan(100_000 * 2.1);
    for (let row = 0; row < 100_000; row++) if (row % 250 !== 0) sorted.delete(row);
    expect(sorted.room).toBeLessThan(400 * 4);
    expect(sorted.after(undefined, Infinity)).toEqual(Array.from({ length: 400 }, (_, at) => at * 250));
    for (let row = 0; row < 100_000; row++) if (row % 250 !== 0) sorted.add(row);
    expect(sorted.after(undefined, Infinity)).toEqual(Array.from({ length: 100_000 }, (_, at) => at));
  });
});
