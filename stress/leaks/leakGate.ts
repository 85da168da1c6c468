import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { ServiceProcess } from "../process/serviceProcess.js";

/** What a service holds. */
export interface Holdings {
  readonly heapBytes: number;
  /** Buffers outside of the heap. */
  readonly externalBytes: number;
  readonly rssBytes: number;
  readonly handles: number;
  readonly fds: number;
}

/** The environment of services whose holdings are read: they collect their garbage when they are asked to. */
export const COLLECTING = { NODE_OPTIONS: `--import=${pathToFileURL(resolve("dist/stress/process/collectGarbage.js")).href}` } as const;

const MIB = 2 ** 20;
const COLLECT_MS = 400;

/** By how much each may grow after the warm-up: a share of what it was, and so much more. */
const BOUNDS: Readonly<Record<keyof Holdings, { readonly factor: number; readonly more: number }>> = {
  heapBytes: { factor: 1.2, more: 16 * MIB },
  externalBytes: { factor: 1.2, more: 16 * MIB },
  // What V8 has taken from the machine it gives back late, or not at all.
  rssBytes: { factor: 1.4, more: 64 * MIB },
  handles: { factor: 1, more: 8 },
  fds: { factor: 1, more: 8 },
};

/** What a service holds now, its garbage collected. */
export async function readHoldings(service: ServiceProcess): Promise<Holdings> {
  service.collectGarbage();
  await pause(COLLECT_MS);
  service.collectGarbage();
  await pause(COLLECT_MS);
  const metric = (name: string): Promise<number> => service.metric(`halley_${name}`);
  return {
    heapBytes: await metric("nodejs_heap_size_used_bytes"),
    externalBytes: await metric("nodejs_external_memory_bytes"),
    rssBytes: await metric("process_resident_memory_bytes"),
    handles: await metric("nodejs_active_handles_total"),
    fds: await metric("process_open_fds"),
  };
}

/** Holds what services hold at the end against what they held after the warm-up, both while nobody wants anything of them. */
export class LeakGate {
  readonly #services: readonly ServiceProcess[];
  readonly #before = new Map<ServiceProcess, Holdings>();

  constructor(services: readonly ServiceProcess[]) {
    this.#services = services;
  }

  /** The warm-up is over. */
  async open(): Promise<void> {
    await Promise.all(this.#services.map(async (service) => this.#before.set(service, await readHoldings(service))));
  }

  /** Gives a line for each service, and what has grown past its bound. */
  async close(): Promise<{ readonly lines: readonly string[]; readonly faults: readonly string[] }> {
    const lines: string[] = [];
    const faults: string[] = [];
    const holdings = await Promise.all(this.#services.map(readHoldings));
    for (const [at, service] of this.#services.entries()) {
      const before = this.#before.get(service);
      const after = holdings[at];
      if (!before || !after) throw new Error("the gate was not opened");
      lines.push(`${service.name}: ${KINDS.map((kind) => `${kind} ${show(kind, before[kind])} -> ${show(kind, after[kind])}`).join(", ")}`);
      for (const kind of KINDS) {
        const { factor, more } = BOUNDS[kind];
        if (after[kind] > before[kind] * factor + more) faults.push(`${service.name}: ${kind} has grown from ${show(kind, before[kind])} to ${show(kind, after[kind])}`);
      }
    }
    return { lines, faults };
  }
}

const KINDS = Object.keys(BOUNDS) as (keyof Holdings)[];

function show(kind: keyof Holdings, value: number): string {
  return kind.endsWith("Bytes") ? `${(value / MIB).toFixed(1)} MiB` : String(value);
}
