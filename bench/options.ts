import { parseArgs } from "node:util";
import type { Part } from "./part.js";
import { PARTS } from "./parts/all.js";

/** What to do. */
export interface Options {
  readonly parts: readonly Part[];
  readonly quick: boolean;
  readonly profile: boolean;
}

/** Reads `[part…] [--quick] [--profile]`; parts may be separated by commas. Throws a sentence. */
export function readOptions(given: readonly string[]): Options {
  const { values, positionals } = parseArgs({ args: [...given], allowPositionals: true, options: { quick: { type: "boolean", default: false }, profile: { type: "boolean", default: false } } });
  const names = positionals.flatMap((text) => text.split(",")).filter((name) => name !== "");
  // `growth` stands for `growth-users` and its like.
  const isNamed = (part: Part, name: string): boolean => part.name === name || part.name.startsWith(`${name}-`);
  const unknown = names.filter((name) => !PARTS.some((part) => isNamed(part, name)));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(", ")}: choose of ${PARTS.map(({ name }) => name).join(", ")}`);
  return { ...values, parts: names.length === 0 ? PARTS : PARTS.filter((part) => names.some((name) => isNamed(part, name))) };
}
