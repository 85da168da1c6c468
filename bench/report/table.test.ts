import { describe, expect, it } from "vitest";
import type { Row } from "../part.js";
import { formatTable } from "./table.js";
import { peersNotAbove, ratioOf, verdictOf } from "./verdict.js";

const row = (value: number, rest: Partial<Row> = {}): Row => ({ what: "something", unit: "us", value, ...rest });

describe("verdictOf", () => {
  it("judges the figure, or its ratio to the floor, and says nothing without a bar", () => {
    expect(verdictOf(row(5))).toBeUndefined();
    expect(verdictOf(row(5, { bar: { of: "value", atMost: 5 } }))).toBe("pass");
    expect(verdictOf(row(5.1, { bar: { of: "value", atMost: 5 } }))).toBe("over");
    expect(verdictOf(row(4, { bar: { of: "value", atLeast: 5 } }))).toBe("under");
    expect(verdictOf(row(3, { beside: { floor: 2 }, bar: { of: "ratio", atMost: 1.4 } }))).toBe("over");
    // The median of the ratios is not the ratio of the medians.
    expect(verdictOf(row(3, { beside: { floor: 2 }, ratio: 1.3, bar: { of: "ratio", atMost: 1.4 } }))).toBe("pass");
  });

  it("passes nothing that was not measured", () => {
    expect(() => verdictOf(row(NaN, { bar: { of: "value", atMost: 5 } }))).toThrow("something has a bar");
    expect(() => verdictOf(row(1, { bar: { of: "ratio", atMost: 5 } }))).toThrow("something has a bar");
  });
});

describe("ratioOf", () => {
  it("is none where the floor is nothing", () => {
    expect(ratioOf(row(1, { beside: { floor: 0 } }))).toBeUndefined();
  });
});

describe("peersNotAbove", () => {
  const bar = { of: "ratio", atMost: 1.15, belowPeers: true } as const;

  it("names the peers that cost no more, the floor left out", () => {
    expect(peersNotAbove(row(5, { beside: { floor: 1, nchan: 6, "nats-ws": 5, "socket.io": NaN }, bar }))).toEqual(["nats-ws", "socket.io"]);
    expect(peersNotAbove(row(5, { beside: { floor: 1, nchan: 6 }, bar }))).toEqual([]);
  });

  it("says nothing where nobody asks, or no peer was there", () => {
    expect(peersNotAbove(row(5, { beside: { floor: 1, nchan: 6 }, bar: { of: "ratio", atMost: 1 } }))).toBeUndefined();
    expect(peersNotAbove(row(5, { beside: { floor: 1 }, bar }))).toBeUndefined();
  });
});

describe("formatTable", () => {
  it("says how a figure stands to peers, and to whom a ratio is", () => {
    const rows = [
      row(2, { beside: { floor: 2, nchan: 5 }, bar: { of: "ratio", atMost: 1.5, belowPeers: true } }),
      row(6, { beside: { floor: 2, nchan: 5 }, bar: { of: "ratio", atMost: 1.5, belowPeers: true } }),
      row(1, { beside: { nchan: 2 }, ratio: 0.5, bar: { of: "ratio", to: "nchan", atMost: 1.5 } }),
    ];
    const lines = formatTable("Title", { rows, details: {} }).split("\n").slice(2);
    expect(lines.map((line) => /<=.*$/.exec(line)?.[0].replaceAll(/ +/g, " "))).toEqual(["<= 1.50 x floor pass, below peers", "<= 1.50 x floor over, not below nchan", "<= 1.50 x nchan pass"]);
  });

  it("gives the floor and each peer a column", () => {
    const rows = [row(4.5, { beside: { floor: 3, nchan: 5.62 }, bar: { of: "ratio", atMost: 1.5 } }), row(120_400, { what: "rate", unit: "/s" })];
    expect(formatTable("Title", { rows, details: {} }).split("\n")).toEqual([
      "Title",
      "              halley  floor  nchan  unit  ratio  bar",
      "  something     4.50      3   5.62  us    1.50   <= 1.50 x floor  pass",
      "  rate       120,400                /s",
    ]);
  });
});
