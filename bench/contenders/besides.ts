import type { Row } from "../part.js";

/** A row's figures: Halley's as its value, those of the others beside it, in their order. Throws where Halley's is missing. */
export function besides<Measured>(measured: Readonly<Record<string, Measured>>, figure: (of: Measured) => number): Pick<Row, "value" | "beside"> {
  const { halley, ...others } = measured;
  if (halley === undefined) throw new Error("Halley was not measured");
  return { value: figure(halley), beside: Object.fromEntries(Object.entries(others).map(([name, of]) => [name, figure(of)])) };
}
