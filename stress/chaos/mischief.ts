import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../random.js";
import type { World } from "../world/world.js";
import type { Journal } from "./journal.js";
import { type Victim, type VictimKind, victimsOf } from "./victims.js";

/** What may happen: `anything`, or only what no client may notice in presence (connectors that end, publish services that die, cuts). */
export type Mood = "anything" | "edge";

/** Who is mistreated. */
export interface MischiefOptions {
  readonly world: World;
  readonly nats: "single" | "cluster";
  readonly random: Random;
  readonly journal: Journal;
  /** Cuts all connections of clients. */
  readonly cutAll: () => void;
  /** The longest time between two faults, in milliseconds; 8,000 where left out. The shortest is an eighth of it. */
  readonly everyMs?: number | undefined;
}

type Deed = "kill" | "freeze" | "drain" | "cut" | "routes" | "stop";

/** How often each is done, by mood. */
const DEEDS: Readonly<Record<Mood, readonly Deed[]>> = {
  anything: ["kill", "kill", "kill", "kill", "freeze", "freeze", "freeze", "freeze", "routes", "routes", "drain", "cut", "stop"],
  edge: ["kill", "kill", "kill", "drain", "drain", "cut"],
};
const KINDS: Readonly<Record<Mood, readonly VictimKind[]>> = {
  anything: ["connector", "connector", "publish", "presence", "nats", "nats"],
  edge: ["connector", "connector", "connector", "publish"],
};
const EVERY_MS = 8_000;
const DOWN_MS = [100, 8_000] as const;
const FROZEN_MS = [1_000, 15_000] as const;
const TRIES = 10;
const LONG_FREEZE_MS = 30_000;
/** A drain, and some. */
const STOP_MS = 30_000;

/** Injects random faults, each of which ends by itself after a while, or at once when all is healed. */
export class Mischief {
  readonly victims: readonly Victim[];
  readonly faults: string[] = [];
  readonly #options: MischiefOptions;
  /** Names of those that something is done to. */
  readonly #busy = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #healing = newHealing();

  constructor(options: MischiefOptions) {
    this.#options = options;
    this.victims = victimsOf(options.world, options.nats);
  }

  /** Injects faults until a moment (milliseconds since 1970). */
  async run(untilMs: number, mood: Mood): Promise<void> {
    const { random, everyMs = EVERY_MS } = this.#options;
    for (;;) {
      const nextMs = random.between(Math.floor(everyMs / 8), everyMs);
      if (Date.now() + nextMs >= untilMs) {
        await pause(Math.max(0, untilMs - Date.now()));
        return;
      }
      await pause(nextMs);
      for (let tries = 0; tries < TRIES && !this.#injectOne(mood); tries++);
    }
  }

  /** Ends everything that is under way, at once; resolves when all processes run. */
  async heal(): Promise<void> {
    this.#healing.abort();
    await Promise.all(this.#underWay);
    this.#healing = newHealing();
  }

  /** False: what was drawn is not possible now. */
  #injectOne(mood: Mood): boolean {
    const { random, journal, cutAll, nats } = this.#options;
    const deed = random.pick(DEEDS[mood]);
    if (deed === "cut") {
      journal.fault("all connections of clients are cut");
      cutAll();
      return true;
    }
    if (deed === "routes") return nats === "cluster" && this.#cutRoutes();
    const kind = deed === "drain" ? "connector" : random.pick(KINDS[mood]);
    const victim = random.pick(this.victims.filter((one) => one.kind === kind));
    if (!this.#maySuffer(victim)) return false;
    this.#begin(victim, deed);
    return true;
  }

  /** One thing at a time for each; a connector stays, and the majority of a cluster. */
  #maySuffer(victim: Victim): boolean {
    if (this.#busy.has(victim.name)) return false;
    const others = this.victims.filter(({ kind, name }) => kind === victim.kind && name !== victim.name);
    if (victim.kind === "connector") return others.some(({ name }) => !this.#busy.has(name));
    if (victim.kind === "nats") return !this.#busy.has(ROUTES) && others.every(({ name }) => !this.#busy.has(name));
    return true;
  }

  #begin(victim: Victim, deed: "kill" | "freeze" | "drain" | "stop"): void {
    const { random, journal } = this.#options;
    if (deed === "freeze") {
      const forMs = random.next() < 0.15 ? LONG_FREEZE_MS : random.between(...FROZEN_MS);
      journal.fault(`${victim.name} is frozen, for ${String(forMs)} ms`);
      victim.freeze();
      this.#track(victim.name, async () => {
        await this.#wait(forMs);
        victim.thaw();
        journal.note(`${victim.name} goes on`);
      });
      return;
    }
    const forMs = random.between(...DOWN_MS);
    journal.fault(`${victim.name} is ${deed === "kill" ? "killed" : "stopped"}, for ${String(forMs)} ms`);
    this.#track(victim.name, async () => {
      if (deed === "kill") await victim.kill();
      else await this.#stop(victim);
      await this.#wait(forMs);
      await victim.start();
      journal.note(`${victim.name} is started`);
    });
  }

  async #stop(victim: Victim): Promise<void> {
    const limit = new AbortController();
    const code = await Promise.race([victim.stop(), pause(STOP_MS, "hangs" as const, { signal: limit.signal }).catch(() => "hangs" as const)]);
    limit.abort();
    if (code === "hangs") {
      this.faults.push(`${victim.name} did not end within ${String(STOP_MS)} ms of SIGTERM`);
      await victim.kill();
      return;
    }
    this.#options.journal.note(`${victim.name} exited with ${String(code)}`);
    // nats-server has codes of its own.
    if (code !== 0 && victim.kind !== "nats") this.faults.push(`${victim.name} exited with ${String(code)} on SIGTERM`);
  }

  /** Cuts one route, or all of a server: a majority stays together either way. */
  #cutRoutes(): boolean {
    const { random, journal, world } = this.#options;
    if (this.#busy.has(ROUTES) || this.victims.some(({ kind, name }) => kind === "nats" && this.#busy.has(name))) return false;
    const names = world.cluster.nodes.map(({ name }) => name);
    const alone = random.pick(names);
    const others = names.filter((name) => name !== alone);
    const cut = random.next() < 0.5 ? others : [random.pick(others)];
    const forMs = random.between(...FROZEN_MS);
    journal.fault(`routes of ${alone} to ${cut.join(" and ")} are cut, for ${String(forMs)} ms`);
    for (const other of cut) world.cluster.routes.cut(alone, other);
    this.#track(ROUTES, async () => {
      await this.#wait(forMs);
      for (const other of cut) world.cluster.routes.heal(alone, other);
      journal.note("routes are healed");
    });
    return true;
  }

  #track(name: string, work: () => Promise<void>): void {
    this.#busy.add(name);
    const done = work()
      .catch((error: unknown) => { this.faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`); })
      .finally(() => {
        this.#busy.delete(name);
        this.#underWay.delete(done);
      });
    this.#underWay.add(done);
  }

  async #wait(forMs: number): Promise<void> {
    await pause(forMs, undefined, { signal: this.#healing.signal }).catch(() => undefined);
  }
}

const ROUTES = "routes";

/** Everything that is under way listens to it. */
function newHealing(): AbortController {
  const made = new AbortController();
  setMaxListeners(0, made.signal);
  return made;
}
