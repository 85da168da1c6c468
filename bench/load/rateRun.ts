import { cpuOf, cpuSince } from "../process/usage.js";

/** A way to publish with many messages under way. */
export interface Way {
  /** How many sends may be without an answer. */
  readonly inFlight: number;
  /** Sends once; tells how many messages that was as soon as all of them are acknowledged. */
  send(onAcknowledged: (messages: number) => void, onFailure: (error: Error) => void): void;
}

/** One run. */
export interface RateOptions {
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The processes whose CPU time counts. */
  readonly pids: Readonly<Record<string, number>>;
}

/** What a run came to. */
export interface Rate {
  readonly seconds: number;
  /** Acknowledged in that time. */
  readonly messages: number;
  /** Acknowledged in all, warm-up included. */
  readonly acknowledged: number;
  /** CPU seconds by process in that time; `load` is the load generator. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
}

/** Past the time of the run. */
const STALL_LIMIT_MS = 10_000;

/** Sends as fast as answers come; resolves when the last is there. Throws when a message is refused or never answered. */
export function runRate(way: Way, { warmUpMs, measureMs, pids }: RateOptions): Promise<Rate> {
  const counted = { ...pids, load: process.pid };
  const startedMs = performance.now();
  let acknowledged = 0;
  let underWay = 0;
  let begun: { readonly atMs: number; readonly acknowledged: number; readonly cpu: Record<string, number> } | undefined;
  let measured: Omit<Rate, "acknowledged"> | undefined;
  return new Promise((resolve, reject) => {
    const stall = setTimeout(() => { reject(new Error(`${String(underWay)} publishes were never answered`)); }, warmUpMs + measureMs + STALL_LIMIT_MS);
    const finish = (error?: Error): void => {
      clearTimeout(stall);
      if (error || !measured) reject(error ?? new Error("nothing was measured"));
      else resolve({ ...measured, acknowledged });
    };
    const send = (): void => {
      underWay += 1;
      way.send(onAcknowledged, finish);
    };
    const onAcknowledged = (messages: number): void => {
      acknowledged += messages;
      underWay -= 1;
      const nowMs = performance.now();
      if (!begun) {
        if (nowMs - startedMs >= warmUpMs) begun = { atMs: nowMs, acknowledged, cpu: cpuOf(counted) };
      } else if (!measured && nowMs - begun.atMs >= measureMs) {
        measured = { seconds: (nowMs - begun.atMs) / 1_000, messages: acknowledged - begun.acknowledged, cpuSeconds: cpuSince(begun.cpu, counted) };
      }
      if (!measured) send();
      else if (underWay === 0) finish();
    };
    for (let started = 0; started < way.inFlight; started++) send();
  });
}
