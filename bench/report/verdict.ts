import type { Row } from "../part.js";

/** How a figure stands to its bar: `over` is above what is allowed, `under` below what is asked. */
export type Verdict = "pass" | "over" | "under";

/** A figure's ratio to the floor; undefined where there is none, or it is nothing. */
export function ratioOf({ value, beside = {}, ratio }: Row): number | undefined {
  return ratio ?? (beside["floor"] === undefined || beside["floor"] === 0 ? undefined : value / beside["floor"]);
}

/** Undefined where there is no bar. */
export function verdictOf(row: Row): Verdict | undefined {
  if (!row.bar) return undefined;
  const { of, atMost = Infinity, atLeast = -Infinity } = row.bar;
  const figure = of === "ratio" ? ratioOf(row) : row.value;
  if (figure === undefined || Number.isNaN(figure)) throw new Error(`${row.what} has a bar, but no ${of}`);
  if (figure > atMost) return "over";
  return figure < atLeast ? "under" : "pass";
}

/** The peers whose figure is not above this one, where it is to be below theirs; undefined where nobody asks, or no peer is there. */
export function peersNotAbove({ bar, beside = {}, value }: Row): readonly string[] | undefined {
  const peers = Object.entries(beside).filter(([name]) => name !== "floor");
  if (bar?.belowPeers !== true || peers.length === 0) return undefined;
  return peers.filter(([, figure]) => !(value < figure)).map(([name]) => name);
}
