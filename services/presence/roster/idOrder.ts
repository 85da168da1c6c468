/**
 * Orders strings by their UTF-8 bytes, which is the order of code points: below 0, 0 or above 0. JavaScript's own `<` goes by
 * UTF-16 units and puts `U+1F600` (a pair of surrogates, 0xD83D first) before `U+FF5E`. Both must be well-formed.
 */
export function compareIds(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1;
  }
  return left.length - right.length;
}

/** In well-formed text a surrogate stands for a code point above every other unit. */
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
