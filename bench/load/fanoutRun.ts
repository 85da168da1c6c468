import { cpuOf, cpuSince, type Pids } from "../process/usage.js";
import type { Crowd } from "./crowd.js";
import { openTrigger, type Source, type Trigger } from "./trigger.js";

/** One run. */
export interface RunOptions {
  readonly source: Source;
  /** Messages at a time. */
  readonly burst: number;
  /** At least so long, and until every channel had a message: a first one may cost more than those after it. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The processes whose CPU time counts. */
  readonly pids: Readonly<Record<string, Pids>>;
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
export async function runFanout(crowd: Crowd, options: RunOptions): Promise<Run> {
  crowd.reset();
  let onFailure: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => { onFailure = reject; });
  crowd.onFailure = onFailure;
  const trigger = await openTrigger(options.source, onFailure);
  try {
    const { run, messages } = await Promise.race([deliver(crowd, trigger, options), failed]);
    crowd.expect(messages);
    return run;
  } finally {
    trigger.close();
    crowd.silence();
  }
}

function deliver(crowd: Crowd, trigger: Trigger, { burst, warmUpMs, measureMs, pids }: RunOptions): Promise<{ readonly run: Run; readonly messages: number }> {
  const counted = { ...pids, load: process.pid };
  const perBurst = burst * crowd.sizePerChannel;
  const startedMs = performance.now();
  let missing = 0;
  let bursts = 0;
  let measured: { readonly atMs: number; readonly bursts: number; readonly cpu: Record<string, number> } | undefined;
  return new Promise((resolve, reject) => {
    const stall = setTimeout(() => { reject(new Error(`a burst did not arrive: ${String(missing)} of ${String(perBurst)} deliveries are missing`)); }, STALL_LIMIT_MS);
    const fire = (): void => {
      missing = perBurst;
      trigger.fire(burst);
    };
    const onRound = (): void => {
      bursts += 1;
      const nowMs = performance.now();
      if (!measured) {
        if (nowMs - startedMs >= warmUpMs && bursts * burst >= crowd.channels) measured = { atMs: nowMs, bursts, cpu: cpuOf(counted) };
      } else if (nowMs - measured.atMs >= measureMs) {
        clearTimeout(stall);
        const run = { seconds: (nowMs - measured.atMs) / 1_000, deliveries: (bursts - measured.bursts) * perBurst, cpuSeconds: cpuSince(measured.cpu, counted) };
        resolve({ run, messages: bursts * burst });
        return;
      }
      stall.refresh();
      fire();
    };
    crowd.onPublication = () => {
      missing -= 1;
      if (missing === 0) onRound();
    };
    fire();
  });
}
