import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../../test/helpers/eventually.js";
import type { ServiceProcess } from "../process/serviceProcess.js";
import type { World } from "../world/world.js";
import { Replica } from "./replica.js";
import { Tab, type TabOptions } from "./tab.js";
import { ONLINE, PresenceTruth } from "./truth.js";

/** The channels of presence scenarios; their namespace keeps members. */
export const CHANNELS = ["chat.a", "chat.b"];
const LOOK_EVERY_MS = 100;
/** Differences shown of one replica. */
const SHOWN = 6;

/** What is compared. */
interface AgreeOptions {
  readonly replicas?: readonly Replica[];
  readonly counts?: boolean;
}

/** Holds all presence replicas of a world against who is really there. */
export class PresenceTrial {
  readonly truth = new PresenceTruth();
  readonly replicas: Replica[] = [];
  readonly tabs: Tab[] = [];
  readonly #world: World;
  readonly #faults: string[] = [];

  constructor(world: World) {
    this.#world = world;
    for (const service of world.presences) this.add(service);
    world.onLeave(() => { for (const replica of this.replicas) replica.close(); });
  }

  add(service: ServiceProcess): Replica {
    const replica = new Replica(service, this.truth);
    this.replicas.push(replica);
    return replica;
  }

  /** Opens tabs of users: `tabsEach` of each, the transports in turn. */
  async open(users: number, tabsEach: number, options: Partial<TabOptions> = {}): Promise<Tab[]> {
    const prefix = `p${String(this.tabs.length)}-`;
    const wanted = Array.from({ length: users * tabsEach }, (_, index): TabOptions => ({
      user: `${prefix}${String(index % users)}`,
      channels: CHANNELS,
      transport: index % 2 === Math.floor(index / users) % 2 ? "websocket" : "poll",
      ...options,
    }));
    const tabs = await Promise.all(wanted.map((one) => Tab.open(this.#world, this.truth, one)));
    this.tabs.push(...tabs);
    return tabs;
  }

  /** Begins to record all changes, when what was before is known. `lagMs`: by replica, how much later it may tell. */
  async watch(lagMs: readonly (number | undefined)[] = []): Promise<void> {
    await this.agrees(3_000, "before the watch", { counts: false });
    for (const [at, replica] of this.replicas.entries()) replica.watch([ONLINE, ...CHANNELS], lagMs[at]);
    await eventually(() => this.replicas.every(({ isSynced }) => isSynced));
  }

  /** Replicas (all, unless named) say what is true within a time; else that is a fault. Without `counts`: who is there, but not the subscribers of channels. */
  async agrees(withinMs: number, after: string, { replicas = this.replicas, counts = true }: AgreeOptions = {}): Promise<void> {
    const began = performance.now();
    for (;;) {
      const differences = await Promise.all(replicas.map((replica) => replica.differences(counts)));
      const tookMs = performance.now() - began;
      if (differences.every(({ length }) => length === 0)) {
        this.#world.note(`${after}: true after ${String(Math.round(tookMs))} of ${String(withinMs)} ms`);
        return;
      }
      if (tookMs > withinMs) {
        for (const found of differences) for (const difference of found.slice(0, SHOWN)) this.#faults.push(`${after}, after ${String(withinMs)} ms: ${difference}`);
        return;
      }
      await pause(LOOK_EVERY_MS);
    }
  }

  /** A fault that a scenario found itself. */
  fault(text: string): void {
    this.#faults.push(text);
  }

  /** Everything that was wrong. */
  check(): string[] {
    return [...this.#faults, ...this.replicas.flatMap((replica) => replica.check())];
  }

  /** Tabs come and go, by chance, until the time is over; each at most once in `everyMs`. */
  async churn(tabs: readonly Tab[], forMs: number, everyMs: number): Promise<void> {
    const { random } = this.#world;
    const untilMs = performance.now() + forMs;
    while (performance.now() < untilMs) {
      const tab = random.pick(tabs);
      if (!tab.here) tab.comeBack();
      else if (random.next() < 0.5) tab.sayGoodbye();
      else tab.vanish();
      await pause(random.between(0, everyMs * 2));
    }
  }
}
