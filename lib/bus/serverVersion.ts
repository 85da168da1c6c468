/** What Halley asks of NATS: 2.9.10 was the first whose republish carries the last sequence as Halley reads it. */
export const OLDEST_SERVER = "2.9.10";
/** A cluster's replicas can be audited from this version on. */
export const OLDEST_CLUSTER = "2.11.0";

/** Whether a version like `2.10.7` or `2.11.0-RC.1` is older than another. Pre-releases count as their release. */
export function olderThan(version: string, other: string): boolean {
  const [left, right] = [numbers(version), numbers(other)];
  for (const [at, number] of right.entries()) {
    const difference = (left[at] ?? 0) - number;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function numbers(version: string): number[] {
  return (version.split("-")[0] ?? "").split(".").map((part) => Number.parseInt(part, 10) || 0);
}
