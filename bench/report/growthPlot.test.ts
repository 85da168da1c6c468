import { describe, expect, it } from "vitest";
import { growthPlot } from "./growthPlot.js";

function pointsOf(svg: string): number[][] {
  const text = /points="([^"]*)"/.exec(svg)?.[1] ?? "";
  return text.split(" ").map((point) => point.split(",").map(Number));
}

describe("growthPlot", () => {
  it("draws equal factors at equal distances, and equal costs at one height", () => {
    const points = [10, 100, 1_000].map((size) => ({ size, value: 7 }));
    const [first, second, third] = pointsOf(growthPlot({ title: "t", axis: "a", curves: [{ name: "n", unit: "us", points }] }));
    expect(new Set([first?.[1], second?.[1], third?.[1]]).size).toBe(1);
    expect((second?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo((third?.[0] ?? 0) - (second?.[0] ?? 0), 0);
  });

  it("labels the axes and the curves", () => {
    const svg = growthPlot({ title: "a < b", axis: "connections", curves: [{ name: "CPU", unit: "us", points: [{ size: 1, value: 2 }, { size: 100_000, value: 8 }] }] });
    for (const text of ["a &lt; b", ">connections<", ">100,000<", "as a multiple of the first", "CPU: 2 us at 1, 8 us at 100,000"]) expect(svg).toContain(text);
    const [low, high] = pointsOf(svg);
    expect(high?.[1]).toBeLessThan(low?.[1] ?? 0);
  });
});
