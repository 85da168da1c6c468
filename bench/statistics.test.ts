import { describe, expect, it } from "vitest";
import { median, quantile } from "./statistics.js";

describe("statistics", () => {
  it("takes the middle value, or the mean of the two in the middle", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 9, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it("takes the value that a share of all doesn't exceed", () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([50, 99, 100]);
    expect(quantile([7], 0.01)).toBe(7);
  });
});
