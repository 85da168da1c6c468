import { setTimeout as pause } from "node:timers/promises";

/** Whether a count reaches its goal. Gives up when it has not risen for `limitMs`: a busy machine is slow, and no fault. */
export async function untilReached(read: () => number, goal: number, limitMs: number): Promise<boolean> {
  let before = read();
  let deadline = Date.now() + limitMs;
  for (let count = before; count < goal; count = read()) {
    if (count > before) deadline = Date.now() + limitMs;
    else if (Date.now() > deadline) return false;
    before = count;
    await pause(5);
  }
  return true;
}
