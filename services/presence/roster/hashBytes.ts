import { randomBytes } from "node:crypto";

/** A secret of 64 bits, so that nobody can choose ids that fall on the same place. */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/** A key that nobody knows. */
export function makeHashKey(): HashKey {
  const bytes = randomBytes(8);
  return { low: bytes.readInt32LE(0), high: bytes.readInt32LE(4) };
}

/** HalfSipHash-1-3 of `length` bytes from `start`, an unsigned number of 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, length: number, { low, high }: HashKey): number {
  let v0 = low;
  let v1 = high;
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  const words = length >>> 2;
  // The whole words, the last with the length, and three rounds behind it.
  for (let step = 0; step <= words + 3; step++) {
    const word = step < words ? wordAt(bytes, start + step * 4) : step === words ? lastWord(bytes, start, length) : 0;
    if (step === words + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = rotated(v1, 5) ^ v0;
    v0 = rotated(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotated(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotated(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotated(v1, 13) ^ v2;
    v2 = rotated(v2, 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

/** Four bytes, the lowest first, as a signed number. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** What is left behind the whole words, with the length above it. */
function lastWord(bytes: Uint8Array, start: number, length: number): number {
  let word = length << 24;
  for (let at = length & ~3; at < length; at++) word |= (bytes[start + at] ?? 0) << (8 * (at & 3));
  return word;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
