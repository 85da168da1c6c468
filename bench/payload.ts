/** A JSON payload of exactly `bytes` (at least 40) that holds `at`, so that who receives it knows when it was to be sent. */
export function stampedPayload(atUs: number, bytes: number): string {
  const head = `{"at":${String(atUs)},"text":"`;
  return `${head}${"x".repeat(bytes - head.length - 2)}"}`;
}

const KEY = Buffer.from('"at":');
const ZERO = 0x30;

/** The `at` of a stamped payload somewhere in a frame. NaN where there is none. */
export function readStampUs(frame: Buffer, from: number, to: number): number {
  const key = frame.indexOf(KEY, from);
  if (key === -1 || key >= to) return NaN;
  let value = 0;
  for (let at = key + KEY.length; at < to; at++) {
    const digit = frame[at]! - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
