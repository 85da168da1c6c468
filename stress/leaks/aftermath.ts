import { setTimeout as pause } from "node:timers/promises";
import type { ServiceProcess } from "../process/serviceProcess.js";
import { readInterest } from "./natsInterest.js";

/** Where the services and their NATS are. */
export interface AftermathParts {
  /** Those that should be running. */
  readonly services: () => readonly ServiceProcess[];
  /** Of the nats-servers that run. */
  readonly monitorPorts: () => readonly number[];
}

const MIB = 2 ** 20;
/** Everything that ends by itself has ended by then: 5 s for a WebSocket whose client is gone, the lease of a connector that is dead. */
const LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 50;
/** A number that was seen so often in a row has settled. */
const SAME_LOOKS = 4;

/** Nothing of this is left when everybody has gone. */
const NONE_LEFT = [
  "connector_websockets",
  "connector_polls",
  "connector_sessions",
  "connector_channels",
  "connector_ring_bytes",
  "connector_queued_bytes",
  "presence_online_users",
  "presence_websocket_sessions",
  "presence_poll_sessions",
  "presence_watchers",
  "publish_unacknowledged",
] as const;

/** By how much these may be above what they were before anybody came: timers that run out by themselves, a scraper's socket. */
const MORE = { timers: 3, fds: 2, subscriptions: 0 } as const;
type Counted = keyof typeof MORE;

/** Bounds of what a process without clients holds, its garbage collected, and of the most that it ever had in memory. */
const BOUND_BYTES = { heap: 64 * MIB, external: 64 * MIB, peak: 640 * MIB } as const;

/** Holds what services hold when everybody has gone against what they held before anybody came, and against their bounds. */
export class Aftermath {
  readonly #parts: AftermathParts;
  /** By kind of service, what the first of them held. */
  readonly #before = new Map<string, Record<Counted, number>>();

  constructor(parts: AftermathParts) {
    this.#parts = parts;
  }

  /** Takes down what a service holds that has just become ready, the first of its kind. */
  async note(service: ServiceProcess): Promise<void> {
    const kind = kindOf(service);
    if (this.#before.has(kind)) return;
    const [metrics, subscriptions] = await Promise.all([service.metrics(), this.#settledSubscriptions(kind)]);
    this.#before.set(kind, { timers: metrics.get("halley_timers") ?? 0, fds: service.countFds(), subscriptions });
  }

  /** How many one that is ready has; its last may be on the way to NATS still. */
  async #settledSubscriptions(kind: string): Promise<number> {
    let [most, looks] = [-1, 0];
    while (looks < SAME_LOOKS) {
      const interest = await readInterest(this.#parts.monitorPorts());
      // Others of the kind may not be ready yet.
      const now = Math.max(...interest.filter(({ name }) => name === `halley-${kind}`).map((one) => one.subscriptions));
      looks = now === most ? looks + 1 : 1;
      most = now;
      await pause(LOOK_EVERY_MS);
    }
    return most;
  }

  /** Waits until nothing is left of those who have gone. Gives what is. */
  async check(): Promise<string[]> {
    const untilMs = Date.now() + LIMIT_MS;
    for (;;) {
      const found = (await Promise.all([this.#interest(), ...this.#parts.services().map((service) => this.#leftIn(service))])).flat();
      if (found.length === 0 || Date.now() > untilMs) return found;
      await pause(LOOK_EVERY_MS);
    }
  }

  async #leftIn(service: ServiceProcess): Promise<string[]> {
    const { name } = service;
    let metrics: ReadonlyMap<string, number>;
    try {
      metrics = await service.metrics();
    } catch (error) {
      return [`${name} does not answer: ${String(error)}`];
    }
    const read = (metric: string): number => metrics.get(`halley_${metric}`) ?? 0;
    const found = NONE_LEFT.filter((metric) => read(metric) > 0).map((metric) => `${metric} is ${String(read(metric))}`);
    const before = this.#before.get(kindOf(service));
    for (const [what, now] of [["timers", read("timers")], ["fds", service.countFds()]] as const) {
      if (before && now > before[what] + MORE[what]) found.push(`${what} went from ${String(before[what])} to ${String(now)}`);
    }
    const bytes = { heap: read("nodejs_heap_size_used_bytes"), external: read("nodejs_external_memory_bytes"), peak: service.peakBytes };
    if (bytes.heap > BOUND_BYTES.heap || bytes.external > BOUND_BYTES.external) service.collectGarbage();
    for (const what of ["heap", "external", "peak"] as const) {
      if (bytes[what] > BOUND_BYTES[what]) found.push(`${what} is ${(bytes[what] / MIB).toFixed(0)} MiB, ${String(BOUND_BYTES[what] / MIB)} are allowed`);
    }
    return found.map((fault) => `${name}, when everybody had gone: ${fault}`);
  }

  async #interest(): Promise<string[]> {
    const faults: string[] = [];
    for (const { name, subscriptions } of await readInterest(this.#parts.monitorPorts())) {
      const before = this.#before.get(name.slice("halley-".length))?.subscriptions ?? Infinity;
      if (subscriptions > before + MORE.subscriptions) faults.push(`NATS, when everybody had gone: a ${name} had ${String(before)} subscriptions and has ${String(subscriptions)}`);
    }
    return faults;
  }
}

function kindOf({ name }: ServiceProcess): string {
  return name.replace(/-\d+$/, "");
}
