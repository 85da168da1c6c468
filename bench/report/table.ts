import type { Bar, PartResult, Row } from "../part.js";
import { peersNotAbove, ratioOf, verdictOf } from "./verdict.js";

/** A part's figures as a table for people. Peers have a column each. */
export function formatTable(title: string, { rows }: PartResult): string {
  const others = [...new Set(rows.flatMap(({ beside = {} }) => Object.keys(beside)))];
  const head = ["", "halley", ...others, "unit", "ratio", "bar", ""];
  const lines = [head, ...rows.map((row) => cellsOf(row, others))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const numbers = 1 + others.length;
  const format = (line: readonly string[]): string =>
    line
      .map((cell, column) => (column >= 1 && column <= numbers ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [title, ...lines.map((line) => `  ${format(line)}`)].join("\n");
}

function cellsOf(row: Row, others: readonly string[]): string[] {
  const ratio = ratioOf(row);
  return [
    row.what,
    formatNumber(row.value),
    ...others.map((name) => formatNumber(row.beside?.[name])),
    row.unit,
    ratio === undefined ? "" : ratio.toFixed(2),
    row.bar ? formatBar(row.bar) : "",
    [verdictOf(row) ?? "", peersText(row)].filter((text) => text !== "").join(", "),
  ];
}

function peersText(row: Row): string {
  const notAbove = peersNotAbove(row);
  if (!notAbove) return "";
  return notAbove.length === 0 ? "below peers" : `not below ${notAbove.join(", ")}`;
}

function formatBar({ of, to = "floor", atMost, atLeast }: Bar): string {
  const bounds = [atMost === undefined ? "" : `<= ${formatNumber(atMost)}`, atLeast === undefined ? "" : `>= ${formatNumber(atLeast)}`];
  return `${bounds.filter((bound) => bound !== "").join(" ")}${of === "ratio" ? ` x ${to}` : ""}`;
}

/** Three digits that mean something, or whole numbers with separators. */
function formatNumber(value: number | undefined): string {
  if (value === undefined) return "";
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
