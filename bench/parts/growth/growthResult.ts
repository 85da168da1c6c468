import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PartResult, Row } from "../../part.js";
import { type Curve, growthPlot } from "../../report/growthPlot.js";

/** How many times its cost at the beginning a unit may cost at the end: 1, and what noise and caches take. */
export const FLAT_AT_MOST = 1.5;
const RESULTS = join("bench", "results");

/** What a part of the growth has measured. */
export interface Growth {
  /** For the file: `growth-<name>.svg`. */
  readonly name: string;
  readonly title: string;
  /** What grows: "connections". */
  readonly axis: string;
  readonly curves: readonly Curve[];
  readonly rows?: readonly Row[];
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Rows of every size, then the ratios of end to beginning with their bars; draws the plot. */
export function growthResult({ name, title, axis, curves, rows = [], details = {} }: Growth): PartResult {
  const plot = join(RESULTS, `growth-${name}.svg`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(plot, growthPlot({ title, axis, curves }));
  return { rows: [...curves.flatMap((curve) => rowsOf(curve, axis)), ...curves.map(ratioRow), ...rows], details: { plot, curves, ...details } };
}

function rowsOf({ name, unit, points }: Curve, axis: string): Row[] {
  return points.map(({ size, value }) => ({ what: `${name}, ${size.toLocaleString("en-US")} ${axis}`, unit, value }));
}

function ratioRow({ name, points }: Curve): Row {
  const [first, last] = [points[0], points.at(-1)];
  return { what: `${name}: the end over the beginning`, unit: "x", value: (last?.value ?? NaN) / (first?.value ?? NaN), bar: { of: "value", atMost: FLAT_AT_MOST } };
}
