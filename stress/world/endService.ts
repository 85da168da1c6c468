import { setTimeout as pause } from "node:timers/promises";
import type { ServiceProcess } from "../process/serviceProcess.js";

/** For 1 s of draining, for clients that don't answer, and for a busy machine. */
const END_MS = 10_000;

/** Tells a service to end. Gives what was wrong with that. */
export async function endService(service: ServiceProcess): Promise<string[]> {
  const limit = new AbortController();
  const code = await Promise.race([service.stop(), pause(END_MS, "late", limit).catch(() => "late")]);
  limit.abort();
  if (code === "late") return [`${service.name} had not ended ${String(END_MS)} ms after SIGTERM`];
  return code === 0 ? [] : [`${service.name} ended with the code ${String(code)} after SIGTERM`];
}
