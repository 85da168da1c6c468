import { describe, expect, it } from "vitest";
import { SubscriberCounts } from "./subscriberCounts.js";

describe("subscriber counts", () => {
  it("tell every change, and forget a channel without subscribers", () => {
    const told: [string, number][] = [];
    const counts = new SubscriberCounts((channel, sessions) => told.push([channel, sessions]));
    counts.add("a");
    counts.add("a");
    counts.add("b");
    counts.remove("a");
    counts.remove("a");
    counts.add("a");
    counts.remove("b");
    expect(told).toEqual([["a", 1], ["a", 2], ["b", 1], ["a", 1], ["a", 0], ["a", 1], ["b", 0]]);
  });
});
