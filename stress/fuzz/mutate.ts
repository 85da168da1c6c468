import type { Random } from "../random.js";

/** Values that programs trip over. */
const ODD: readonly unknown[] = [
  null, true, false, 0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -0, "", " ", "\u0000", "\ud800", "ÿ".repeat(70), "x".repeat(300), "a.b", "..", "*", ">", "$tick",
  "__proto__", "constructor", "toString", "1e999", "NaN", [], {}, [[]], [null], { a: 1 }, [1, 2, 3], "\u2028", "\r\n", "ǅ\u0301", "9007199254740993", { offset: -1, epoch: "" },
];
const KEYS = ["id", "token", "channel", "position", "positions", "data", "key", "__proto__", "constructor", "frame", "", "connect", "subscribe", "offset", "epoch", "x"];

/** True in so many of a hundred cases. */
export function chance(random: Random, percent: number): boolean {
  return random.next() * 100 < percent;
}

/** Random bytes. */
export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = random.between(0, 255);
  return bytes;
}

/** A value with one thing in it changed: replaced, removed, added, nested, grown. */
export function mutateValue(random: Random, value: unknown): unknown {
  if (typeof value === "object" && value !== null && chance(random, 80)) return Array.isArray(value) ? mutateArray(random, value) : mutateObject(random, value);
  return chance(random, 90) ? random.pick(ODD) : nest(random);
}

/** Bytes with some of them changed, cut off, doubled or made up. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.between(0, bytes.length);
  switch (random.between(0, 5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(random, random.between(1, 9)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.between(0, bytes.length))]);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default:
      return flip(random, bytes);
  }
}

function flip(random: Random, bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  for (let times = random.between(1, 4); times > 0 && flipped.length > 0; times--) {
    const at = random.between(0, flipped.length - 1);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << random.between(0, 7));
  }
  return flipped;
}

function mutateObject(random: Random, value: object): object {
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > 0 && chance(random, 75)) {
    const at = random.between(0, entries.length - 1);
    const [key, old] = entries[at] ?? ["", undefined];
    if (chance(random, 15)) entries.splice(at, 1);
    else entries[at] = [chance(random, 10) ? random.pick(KEYS) : key, mutateValue(random, old)];
  } else entries.push([random.pick(KEYS), random.pick(ODD)]);
  return Object.fromEntries(entries);
}

function mutateArray(random: Random, value: readonly unknown[]): unknown[] {
  const changed = [...value];
  const at = random.between(0, changed.length);
  if (chance(random, 30)) changed.splice(at, 1);
  else if (chance(random, 30) || changed.length === 0) changed.splice(at, 0, random.pick(ODD));
  else changed[at] = mutateValue(random, changed[at]);
  return changed;
}

function nest(random: Random): unknown {
  let value: unknown = random.pick(ODD);
  for (let depth = random.between(1, 300); depth > 0; depth--) value = chance(random, 50) ? [value] : { a: value };
  return value;
}
