import { setTimeout as pause } from "node:timers/promises";
import { LiveRecord } from "../clients/liveRecord.js";
import { ChannelRecord } from "../clients/record.js";
import type { ServiceProcess } from "../process/serviceProcess.js";
import { Random } from "../random.js";
import { isWithoutHistory } from "../world/ledger.js";
import { NAMESPACES, type World } from "../world/world.js";
import { Backends } from "./backends.js";
import { Crowd, SHORT, wrongOf } from "./crowd.js";
import { Flicker } from "./flicker.js";
import { Journal } from "./journal.js";
import { explainLosses, findLostByJetStream } from "./losses.js";
import { Mischief, type Mood } from "./mischief.js";
import { compareRosters } from "./rosters.js";

/** How a run goes. */
export interface ChaosOptions {
  readonly seed: number;
  readonly nats: "single" | "cluster";
  /** Of faults and quiet together. */
  readonly seconds: number;
  /** Clients. */
  readonly clients?: number;
  /** The longest time between two faults, in milliseconds. */
  readonly everyMs?: number | undefined;
  readonly print: (line: string) => void;
}

/** What it came to. */
export interface ChaosOutcome {
  readonly faults: number;
  readonly acknowledged: number;
  readonly received: number;
  readonly rounds: number;
  readonly failures: readonly string[];
}

const CLIENTS = 60;
/** Between two quiet intervals. */
const TUMULT_MS = [18_000, 32_000] as const;
/** Everybody is found where they are: a lease, a round of heartbeats, and the time to come back. */
const ROSTER_MS = 20_000;
/** Everybody has everything. */
const COMPLETE_MS = 20_000;
const MEMORY_BYTES = 400 * 2 ** 20;
/** What happened in the round before may be the cause, too. */
const BEFORE_MS = 15_000;

/** Random faults on a whole installation, with quiet intervals in which everything is held against the truth. */
export class Chaos {
  readonly #world: World;
  readonly #options: ChaosOptions;
  readonly #journal = new Journal();
  readonly #random: Random;
  readonly #crowd: Crowd;
  readonly #mischief: Mischief;
  readonly #failures: string[] = [];
  #largestBytes = 0;

  constructor(world: World, options: ChaosOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#crowd = new Crowd(world, new Random(options.seed + 1), this.#journal);
    this.#mischief = new Mischief({ world, nats: options.nats, random: this.#random, journal: this.#journal, cutAll: this.#crowd.cutAll, everyMs: options.everyMs });
  }

  /** Runs it to its end; failures are printed as they are found, and the run goes on. */
  async run(): Promise<ChaosOutcome> {
    const { seconds, clients = CLIENTS, print, seed } = this.#options;
    const endMs = Date.now() + seconds * 1_000;
    await this.#crowd.come(clients);
    const backends = new Backends(this.#world, this.#crowd, new Random(seed + 2));
    let rounds = 0;
    while (Date.now() < endMs) {
      rounds += 1;
      await this.#round(backends, Math.min(this.#random.between(...TUMULT_MS), endMs - Date.now()));
      print(`${this.#journal.clock(Date.now())}: ${String(this.#journal.faults)} faults, ${String(this.#world.ledger.messages)} acknowledged, ${String(this.#received)} received, ${String(this.#failures.length)} failed`);
    }
    await backends.stop();
    print(`connectors: at most ${(this.#largestBytes / 2 ** 20).toFixed(0)} MiB resident`);
    return { faults: this.#journal.faults, acknowledged: this.#world.ledger.messages, received: this.#received, rounds, failures: this.#failures };
  }

  get #received(): number {
    return this.#world.clients.reduce((sum, { state }) => sum + state.count, 0);
  }

  async #round(backends: Backends, tumultMs: number): Promise<void> {
    const mood: Mood = this.#random.next() < 0.3 ? "edge" : "anything";
    const beganMs = Date.now();
    this.#journal.note(`--- ${mood}`);
    const flicker = mood === "edge" ? new Flicker(this.#world, this.#crowd) : undefined;
    this.#crowd.stir(mood === "anything");
    await this.#mischief.run(beganMs + tumultMs, mood);
    await this.#mischief.heal();
    await this.#crowd.rest();
    this.#journal.note("--- quiet");
    const healedMs = Date.now();
    const failures = [...(await this.#untilReady()), ...(await compareRosters(this.#world, this.#crowd, { withinMs: ROSTER_MS, counts: false })), ...(flicker?.finish() ?? [])];
    this.#journal.note(`presence is right after ${String(Date.now() - healedMs)} ms`);
    this.#crowd.comeBack();
    await backends.pause();
    failures.push(...(await this.#checkEverybody()), ...(await this.#checkLive(await backends.publishLive())), ...(await compareRosters(this.#world, this.#crowd, { withinMs: ROSTER_MS, counts: true })), ...backends.faults.splice(0), ...this.#mischief.faults.splice(0), ...(await this.#checkServices()));
    this.#report(failures, beganMs);
    this.#world.ledger.seal();
    this.#crowd.seal();
    backends.resume();
  }

  async #untilReady(): Promise<string[]> {
    const found = await Promise.all(this.#services.map(async (service) => {
      try {
        await service.ready();
        return undefined;
      } catch (error) {
        return `${service.name} is not ready: ${error instanceof Error ? error.message : String(error)}`;
      }
    }));
    return found.filter((one) => one !== undefined);
  }

  /** Nothing is under way: everybody must have everything. */
  async #checkEverybody(): Promise<string[]> {
    const { ledger } = this.#world;
    const deadline = Date.now() + COMPLETE_MS;
    const people = this.#crowd.people;
    const isComplete = (): boolean => people.every(({ client }) => [...client.state.records].every(([channel, record]) => isWithoutHistory(channel) || record.isComplete(ledger.of(channel))));
    while (!isComplete() && Date.now() < deadline) await pause(100);
    const lost = isComplete() ? [] : await explainLosses(this.#world, people);
    const faults = people.flatMap(({ client }) => [
      ...wrongOf(client).map((text) => `${client.state.name}: ${text}`),
      ...[...client.state.records].filter(([channel]) => !isWithoutHistory(channel)).flatMap(([channel, record]) => record.check(ledger.of(channel)).map((text) => `${client.state.name}: ${text}`)),
    ]);
    const { messages: kept } = NAMESPACES.short.history;
    const unfounded = people.flatMap(({ client: { state } }) => SHORT.flatMap((channel) => {
      const record = state.records.get(channel);
      return record instanceof ChannelRecord ? record.unfounded(ledger.of(channel), kept).map((text) => `${state.name}: ${text}`) : [];
    }));
    if (faults.length > 0) lost.push(...(await findLostByJetStream(this.#world)));
    return [...lost, ...new Set(faults), ...unfounded];
  }

  /** Where nothing is stored, who is there gets what is published now. */
  async #checkLive(sent: ReadonlyMap<string, number>): Promise<string[]> {
    const deadline = Date.now() + COMPLETE_MS;
    const missing = (): string[] => this.#crowd.people.flatMap(({ client: { state } }) => [...sent].flatMap(([channel, number]) => {
      const record = state.records.get(channel);
      return record instanceof LiveRecord && record.newest < number ? [`${state.name}: ${channel}: ${String(number)} did not come, though all is well`] : [];
    }));
    while (missing().length > 0 && Date.now() < deadline) await pause(100);
    return missing();
  }

  async #checkServices(): Promise<string[]> {
    const failures: string[] = [];
    for (const service of this.#services) if (!service.isRunning) failures.push(`${service.name} has died: ${service.log.slice(-2).join(" | ")}`);
    for (const connector of this.#world.connectors) {
      const bytes = await connector.memoryBytes();
      this.#largestBytes = Math.max(this.#largestBytes, bytes);
      if (bytes > MEMORY_BYTES) failures.push(`${connector.name} has ${(bytes / 2 ** 20).toFixed(0)} MiB resident`);
    }
    return failures;
  }

  get #services(): readonly ServiceProcess[] {
    return [...this.#world.connectors, ...this.#world.publishes, ...this.#world.presences];
  }

  #report(failures: readonly string[], beganMs: number): void {
    if (failures.length === 0) return;
    const { print, seed, nats } = this.#options;
    print(`FAIL (seed ${String(seed)}, ${nats}); what was done before:`);
    for (const line of this.#journal.since(beganMs - BEFORE_MS)) print(`  ${line}`);
    for (const failure of failures.slice(0, 40)) print(`  FAIL ${failure}`);
    for (const { name, log } of this.#services) for (const line of log.filter((one) => /"level":(50|60)/.test(one)).slice(-3)) print(`  ${name}: ${line.slice(0, 300)}`);
    this.#failures.push(...failures);
  }
}
