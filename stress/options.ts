import { parseArgs } from "node:util";

/** What to run. */
export interface Options {
  readonly seed: number;
  readonly repeat: number;
  readonly only: readonly string[];
  readonly isShort: boolean;
  /** With those that take minutes. */
  readonly isLong: boolean;
  /** Rounds, each with a seed of its own, until so much time is over; undefined: `repeat` rounds. */
  readonly minutes: number | undefined;
  readonly isList: boolean;
}

/** Reads `--seed N --repeat N --only TEXT --short --long --minutes N --list`. Throws a sentence. */
export function readOptions(given: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...given],
    options: {
      seed: { type: "string" },
      repeat: { type: "string", default: "1" },
      only: { type: "string", multiple: true, default: [] },
      short: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      minutes: { type: "string" },
      list: { type: "boolean", default: false },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
    return value;
  };
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : number("seed", values.seed);
  const minutes = values.minutes === undefined ? undefined : number("minutes", values.minutes);
  return { minutes, isLong: values.long || minutes !== undefined, seed, repeat: number("repeat", values.repeat), only: values.only, isShort: values.short, isList: values.list };
}
