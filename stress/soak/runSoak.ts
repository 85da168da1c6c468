import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { type StressClient } from "../clients/client.js";
import { COLLECTING, LeakGate, readHoldings } from "../leaks/leakGate.js";
import { World } from "../world/world.js";

/** How long, and with which random numbers. */
export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

/** What it came to. */
export interface SoakOutcome {
  readonly acknowledged: number;
  readonly received: number;
  /** Clients that came and went. */
  readonly visits: number;
  readonly faults: readonly string[];
}

const CHANNELS = ["chat.a", "chat.b", "chat.c", "news.a", "news.b", "live.a"];
/** These are counted to the last message; `live` has no history to count with. */
const STORED = CHANNELS.filter((channel) => !channel.startsWith("live."));
const STAYING = 20;
const VISITORS = 30;
/** Of the time, the first part is the warm-up, two minutes at most. */
const WARM_UP = 0.25;
const LONGEST_WARM_UP_MS = 120_000;
/** Memory for recent messages is full before the warm-up ends. */
const LIMITS = { lingerMs: 2_000, pollGraceMs: 2_000, reconnectGraceMs: 1_000, ringBytesPerChannel: 128 * 2 ** 10, drainMs: 500 };
const NAMESPACES = {
  chat: { history: { messages: 2_000, age: "1h", bytes: "64MiB" }, presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
  news: { history: { messages: 2_000, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", untyped: true },
  live: { subscribe: "signed-in", publish: "signed-in", untyped: true },
};
/** What has an end of its own has come to it by then. */
const QUIET_MS = 6_000;
const REPORT_MS = 30_000;

/** Steady traffic to clients that stay, to others that come and go, on both transports; then what is left is looked at. */
export async function runSoak({ minutes, seed, print }: SoakOptions): Promise<SoakOutcome> {
  const world = await World.start({ seed, nats: "single", connectors: 2, presences: 1, limits: LIMITS, namespaces: NAMESPACES, env: COLLECTING });
  try {
    const services = [...world.connectors, ...world.publishes, ...world.presences];
    const gate = new LeakGate(services);
    const endMs = performance.now() + minutes * 60_000;
    const visits = new Visits(world);
    await world.joinMany(STAYING, { channels: STORED });
    const traffic = world.traffic({ channels: STORED, everyMs: 10, lanes: 2, bytes: 200 });
    const warmUpMs = Math.min(LONGEST_WARM_UP_MS, minutes * 60_000 * WARM_UP);
    await visits.run(performance.now() + warmUpMs);
    // Clients that stay go on; what they and the traffic hold is the same at both ends.
    await pause(QUIET_MS);
    await gate.open();
    for (let now = performance.now(); now < endMs; now = performance.now()) {
      await visits.run(Math.min(endMs, now + REPORT_MS));
      const heaps = await Promise.all(services.map(async (service) => `${service.name} ${((await readHoldings(service)).heapBytes / 2 ** 20).toFixed(1)}`));
      print(`${((endMs - performance.now()) / 60_000).toFixed(1)} minutes left: ${String(traffic.count)} acknowledged, ${String(visits.count)} visits; MiB of heap: ${heaps.join(", ")}`);
    }
    await pause(QUIET_MS);
    const { lines, faults } = await gate.close();
    for (const line of lines) print(line);
    const lost = await world.settle();
    const dead = services.flatMap(({ name, isRunning, faults: logged }) => [...(isRunning ? [] : [`${name} has died`]), ...logged.map((line) => `${name}: ${line.slice(0, 400)}`)]);
    return { acknowledged: world.ledger.messages, received: world.received, visits: visits.count, faults: [...faults, ...lost, ...world.breaks, ...visits.faults, ...dead] };
  } finally {
    await world.stop();
  }
}

/** Clients that come, listen, cut their connection or change its transport, and go. */
class Visits {
  readonly faults: string[] = [];
  count = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async run(untilMs: number): Promise<void> {
    const lane = async (index: number): Promise<void> => {
      while (performance.now() < untilMs) await this.#visit(index);
    };
    await Promise.all(Array.from({ length: VISITORS }, (_, index) => lane(index)));
  }

  async #visit(index: number): Promise<void> {
    const { random } = this.#world;
    this.count += 1;
    const own = `live.v${String(random.between(1, 200))}`;
    const client: StressClient = this.#world.visitor({ user: `v${String(index)}`, channels: [random.pick(CHANNELS), own], transport: random.pick(["websocket", "poll"] as const) });
    try {
      await client.joined();
      await pause(random.between(20, 400));
      if (random.next() < 0.3) client.cut();
      else if (random.next() < 0.3) client.switchTo(random.pick(["websocket", "poll"] as const));
      await pause(random.between(20, 400));
    } catch (error) {
      this.faults.push(error instanceof Error ? error.message : String(error));
    } finally {
      await client.stop();
    }
  }
}
