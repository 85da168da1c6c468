/** What one unit of work costs at each size. */
export interface Curve {
  /** "CPU per delivery". */
  readonly name: string;
  readonly unit: string;
  /** By size, ascending; at least one. */
  readonly points: readonly { readonly size: number; readonly value: number }[];
}

/** What is drawn. */
export interface GrowthPlotOptions {
  readonly title: string;
  /** What grows: "connections". */
  readonly axis: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 760;
const HEIGHT = 460;
/** Of the field that curves are drawn in. */
const FIELD = { left: 80, right: WIDTH - 30, top: 50, bottom: HEIGHT - 130 };
const COLOURS = ["#1b6ca8", "#c1440e", "#3a7d44", "#7b2d8b", "#8a6d00"];
const LEGEND_LINE = 18;

/**
 * Costs per unit over the size as an SVG image, both axes logarithmic. Costs are drawn relative to the one at the smallest size, so
 * that all curves fit one axis: a flat line at 1 is a total that grows linearly. The legend has the absolute values.
 */
export function growthPlot({ title, axis, curves }: GrowthPlotOptions): string {
  const relative = curves.map(({ points }) => points.map(({ size, value }) => ({ size, value: value / (points[0]?.value ?? NaN) })));
  const all = relative.flat().filter(({ value }) => Number.isFinite(value) && value > 0);
  const sizes = decades(all.map(({ size }) => size));
  const costs = decades([...all.map(({ value }) => value), 0.2, 5]);
  const x = (size: number): number => along(FIELD.left, FIELD.right, sizes, size);
  const y = (value: number): number => along(FIELD.bottom, FIELD.top, costs, value);
  const lines = [
    `<text x="${String(WIDTH / 2)}" y="26" text-anchor="middle" font-size="16">${escaped(title)}</text>`,
    ...ticks(sizes).flatMap((size) => [rule(x(size), FIELD.top, x(size), FIELD.bottom), label(x(size), FIELD.bottom + 18, "middle", size.toLocaleString("en-US"))]),
    ...ticks(costs).flatMap((cost) => [rule(FIELD.left, y(cost), FIELD.right, y(cost)), label(FIELD.left - 8, y(cost) + 4, "end", String(cost))]),
    label((FIELD.left + FIELD.right) / 2, FIELD.bottom + 38, "middle", axis),
    `<text transform="translate(22 ${String((FIELD.top + FIELD.bottom) / 2)}) rotate(-90)" text-anchor="middle" font-size="12">cost per unit, as a multiple of the first</text>`,
    ...curves.flatMap((curve, index) => drawn(curve, relative[index] ?? [], { x, y, index })),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(HEIGHT)}" font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n${lines.join("\n")}\n</svg>\n`;
}

function drawn({ name, unit, points }: Curve, relative: readonly { size: number; value: number }[], { x, y, index }: { x: (size: number) => number; y: (value: number) => number; index: number }): string[] {
  const colour = COLOURS[index % COLOURS.length] ?? "black";
  const visible = relative.filter(({ value }) => Number.isFinite(value) && value > 0);
  const at = visible.map(({ size, value }) => [x(size).toFixed(1), y(value).toFixed(1)] as const);
  const legendY = FIELD.bottom + 58 + index * LEGEND_LINE;
  const [first, last] = [points[0], points.at(-1)];
  const text = `${name}: ${short(first?.value)} ${unit} at ${short(first?.size)}, ${short(last?.value)} ${unit} at ${short(last?.size)}`;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${at.map((point) => point.join(",")).join(" ")}"/>`,
    ...at.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`),
    `<rect x="${String(FIELD.left)}" y="${String(legendY - 9)}" width="14" height="10" fill="${colour}"/>`,
    label(FIELD.left + 22, legendY, "start", text),
  ];
}

/** The powers of ten around some values. */
function decades(values: readonly number[]): { readonly from: number; readonly to: number } {
  const from = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9)) };
}

function ticks({ from, to }: { readonly from: number; readonly to: number }): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => Number(`1e${String(from + index)}`));
}

function along(start: number, end: number, { from, to }: { readonly from: number; readonly to: number }, value: number): number {
  return start + ((Math.log10(value) - from) / (to - from)) * (end - start);
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ccc"/>`;
}

function label(x: number, y: number, anchor: string, text: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="12">${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function short(value = NaN): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(3)).toString();
}
