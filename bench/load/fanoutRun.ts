import { cpuOf, cpuSince } from "../process/usage.js";
import type { Crowd } from "./crowd.js";
import type { Trigger } from "./trigger.js";

/** One run. */
export interface RunOptions {
  /** Messages at a time. */
  readonly burst: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The processes whose CPU time counts. */
  readonly pids: Readonly<Record<string, number>>;
}

/** What a run came to, warm-up left out. */
export interface Run {
  readonly seconds: number;
  readonly deliveries: number;
  /** CPU seconds by process; `load` is the load generator. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
}

const STALL_LIMIT_MS = 10_000;

/**
 * Has bursts delivered one after the other, each when the one before has arrived at every subscriber. Throws when something
 * doesn't arrive, or too much does.
 */
export async function runFanout(crowd: Crowd, trigger: Trigger, { burst, warmUpMs, measureMs, pids }: RunOptions): Promise<Run> {
  const counted = { ...pids, load: process.pid };
  const perBurst = burst * crowd.size;
  let missing = 0;
  let bursts = 0;
  let measured: { readonly atMs: number; readonly bursts: number; readonly cpu: Record<string, number> } | undefined;
  crowd.reset();
  const startedMs = performance.now();
  const run = await new Promise<Run>((resolve, reject) => {
    const stall = setTimeout(() => { reject(new Error(`a burst did not arrive: ${String(missing)} of ${String(perBurst)} deliveries are missing`)); }, STALL_LIMIT_MS);
    const fire = (): void => {
      missing = perBurst;
      trigger.fire(burst);
    };
    const onRound = (): void => {
      bursts += 1;
      const nowMs = performance.now();
      if (!measured) {
        if (nowMs - startedMs >= warmUpMs) measured = { atMs: nowMs, bursts, cpu: cpuOf(counted) };
      } else if (nowMs - measured.atMs >= measureMs) {
        clearTimeout(stall);
        resolve({
          seconds: (nowMs - measured.atMs) / 1_000,
          deliveries: (bursts - measured.bursts) * perBurst,
          cpuSeconds: cpuSince(measured.cpu, counted),
        });
        return;
      }
      stall.refresh();
      fire();
    };
    crowd.onFailure = reject;
    crowd.onPublication = () => {
      missing -= 1;
      if (missing === 0) onRound();
    };
    fire();
  }).finally(() => {
    crowd.onPublication = () => undefined;
    crowd.onFailure = () => undefined;
  });
  crowd.expect(bursts * burst);
  return run;
}
