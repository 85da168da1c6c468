/** Microseconds on a clock that all processes of a machine share and that never goes back. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
