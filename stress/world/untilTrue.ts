import { setTimeout as pause } from "node:timers/promises";

/** Resolves when it holds, or when the time is over; whether it held is asked again by who needs to know. */
export async function untilTrue(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline && !(await holds())) await pause(20);
}
