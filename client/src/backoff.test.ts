import { describe, expect, it } from "vitest";
import { Backoff } from "./backoff.js";

const upTo = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());

describe("backoff", () => {
  it("doubles its bound up to the cap", () => {
    expect(upTo(new Backoff(() => 0.999_999, 1_000, 30_000), 7)).toEqual([999, 1_999, 3_999, 7_999, 15_999, 29_999, 29_999]);
  });

  it("spreads the first retry over its whole bound", () => {
    const chances = [0, 0.25, 0.75];
    expect(chances.map((chance) => new Backoff(() => chance).next())).toEqual([0, 250, 750]);
  });

  it("does not come before the connector wants it", () => {
    expect(new Backoff(() => 0.1).next(1_830)).toBe(1_830);
    expect(new Backoff(() => 0.9).next(300)).toBe(900);
  });

  it("begins small again after a reset, and stays finite after many attempts", () => {
    const backoff = new Backoff(() => 0.5, 1_000, 30_000);
    upTo(backoff, 2_000);
    expect(backoff.next()).toBe(15_000);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });
});
