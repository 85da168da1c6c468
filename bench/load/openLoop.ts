import { setTimeout as pause } from "node:timers/promises";
import { monotonicUs } from "../monotonic.js";
import { stampedPayload } from "../payload.js";
import type { LatencyLog } from "./latencyLog.js";

/** When to send what. */
export interface OpenLoopOptions {
  readonly channel: string;
  readonly payloadBytes: number;
  readonly perSecond: number;
  /** On the machine's monotonic clock; a while from now. */
  readonly startUs: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/**
 * Sends at fixed moments, whether answers come or not. Each payload is stamped with the moment at which it was to be sent;
 * acknowledgements are logged from there too, those of the warm-up left out. Gives how many were sent. Throws when one was
 * refused.
 */
export async function runOpenLoop(options: OpenLoopOptions, send: (payload: string) => Promise<void>, log: LatencyLog): Promise<number> {
  const { payloadBytes, perSecond, startUs, warmUpMs, measureMs } = options;
  const intervalUs = 1_000_000 / perSecond;
  const measureFromUs = startUs + warmUpMs * 1_000;
  const total = Math.floor(((warmUpMs + measureMs) / 1_000) * perSecond);
  const answers: Promise<void>[] = [];
  while (answers.length < total) {
    const nowUs = monotonicUs();
    for (let dueUs = startUs + answers.length * intervalUs; dueUs <= nowUs && answers.length < total; dueUs = startUs + answers.length * intervalUs) {
      const atUs = Math.round(dueUs);
      answers.push(
        send(stampedPayload(atUs, payloadBytes)).then(() => {
          if (atUs >= measureFromUs) log.add(monotonicUs() - atUs);
        }),
      );
    }
    await pause(1);
  }
  await Promise.all(answers);
  return total;
}
