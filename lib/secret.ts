import { createHash, timingSafeEqual } from "node:crypto";

/** Compares two secrets in a time that depends neither on where they differ nor on their lengths. */
export function secretsEqual(left: string, right: string): boolean {
  return timingSafeEqual(createHash("sha256").update(left).digest(), createHash("sha256").update(right).digest());
}
