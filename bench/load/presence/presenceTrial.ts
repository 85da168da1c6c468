import type { StartedParts } from "../../../lib/lifecycle.js";
import { API_KEY, type Installation, startBackend, startPresence } from "../../installation/installation.js";
import type { Service } from "../../installation/service.js";
import type { PartContext } from "../../part.js";
import { Child } from "../../process/child.js";
import { usageOf } from "../../process/usage.js";
import { profiled } from "../../profile/profiled.js";
import type { Answered, PresenceQueriesCommands } from "../presenceQueries.js";
import type { SimulatedConnectorsCommands } from "../simulatedConnectors.js";

const USERS_PER_QUERY = 1_000;
/** Asked in turn. */
const QUESTIONS = 20;
/** Connectors that are added by one command: it must be answered in time. */
const ADDED_TOGETHER = 10;
/** What arrives between the choice of the users and the end of the questions, over the time asked for, at most. */
const SLACK_MS = 2_000;

/** When and how to ask. */
export interface TrialQuery {
  readonly forMs: number;
  readonly perSecond: number;
  /** Meanwhile. Default: none. */
  readonly changesPerSecond?: number;
  /** Whether half of the users are offline: their last-seen times are read from the bucket. */
  readonly halfOffline?: boolean;
}

/** A presence replica, connectors without clients that speak with it, and someone who asks it. */
export class PresenceTrial {
  readonly #installation: Installation;
  readonly #presence: Service;
  readonly #connectors: Child<SimulatedConnectorsCommands>;
  readonly #queries: Child<PresenceQueriesCommands>;

  private constructor(installation: Installation, presence: Service, connectors: Child<SimulatedConnectorsCommands>, queries: Child<PresenceQueriesCommands>) {
    this.#installation = installation;
    this.#presence = presence;
    this.#connectors = connectors;
    this.#queries = queries;
  }

  /** Starts everything; `parts` ends it. */
  static async start(context: PartContext, parts: StartedParts): Promise<PresenceTrial> {
    const { signal } = context;
    const installation = await startBackend(context);
    parts.add(installation, () => installation.stop());
    const presence = await startPresence(context, installation);
    parts.add(presence, () => presence.process.stop());
    const connectors = new Child<SimulatedConnectorsCommands>({ name: "the simulated connectors", module: new URL("../simulatedConnectors.js", import.meta.url), signal });
    parts.add(connectors, () => connectors.stop());
    const queries = new Child<PresenceQueriesCommands>({ name: "who asks presence", module: new URL("../presenceQueries.js", import.meta.url), signal });
    parts.add(queries, () => queries.stop());
    await connectors.ask("start", { natsUrl: installation.natsUrl, presencePort: presence.port, apiKey: API_KEY });
    await queries.ask("start", { port: presence.port, apiKey: API_KEY });
    return new PresenceTrial(installation, presence, connectors, queries);
  }

  /** The replica's memory, before and after the garbage is collected. */
  async memory(): Promise<{ arrivedBytes: number; settledBytes: number; heapUsedBytes: number }> {
    const { pid } = this.#presence.process;
    const arrivedBytes = usageOf(pid).rssBytes;
    const { heapUsedBytes } = await this.#presence.process.ask("settle", undefined);
    return { arrivedBytes, settledBytes: usageOf(pid).rssBytes, heapUsedBytes };
  }

  /** Adds connectors with so many sessions each, which the replica takes in one after another. `sessions`: with those that were there. */
  async load(connectors: number, seats: number, say: (text: string) => void): Promise<{ sessions: number; seconds: number; cpuSeconds: number }> {
    const { pid } = this.#presence.process;
    const cpuBefore = usageOf(pid).cpuSeconds;
    let sessions = 0;
    let seconds = 0;
    for (let added = 0; added < connectors; added += ADDED_TOGETHER) {
      const batch = await this.#connectors.ask("add", { count: Math.min(ADDED_TOGETHER, connectors - added), seats });
      sessions = batch.sessions;
      seconds += batch.seconds;
      say(`${String(sessions)} sessions, ${String(Math.round(usageOf(pid).rssBytes / 2 ** 20))} MiB`);
    }
    return { sessions, seconds, cpuSeconds: usageOf(pid).cpuSeconds - cpuBefore };
  }

  /** Has sessions come and go; throws unless the replica knows afterwards who is there. */
  async churn(options: { readonly changesPerSecond: number; readonly forMs: number; readonly among?: number }): Promise<{ changes: number; seconds: number; cpuSeconds: number; natsCpuSeconds: number }> {
    const { pid } = this.#presence.process;
    const { natsPid } = this.#installation;
    const [cpu, natsCpu] = [usageOf(pid).cpuSeconds, usageOf(natsPid).cpuSeconds];
    const told = await this.#connectors.ask("churn", options);
    const used = { cpuSeconds: usageOf(pid).cpuSeconds - cpu, natsCpuSeconds: usageOf(natsPid).cpuSeconds - natsCpu };
    await this.query({ forMs: 1_000, perSecond: 5, halfOffline: true });
    return { ...told, ...used };
  }

  /** Asks for 1,000 users at a time; throws when an answer is wrong. */
  async query({ forMs, perSecond, changesPerSecond = 0, halfOffline = false }: TrialQuery): Promise<Answered> {
    const count = halfOffline ? USERS_PER_QUERY / 2 : USERS_PER_QUERY;
    const forChanges = (changesPerSecond * (forMs + SLACK_MS)) / 1_000;
    const questions = await Promise.all(Array.from({ length: QUESTIONS }, () => this.#connectors.ask("sample", { count, offline: halfOffline, forChanges })));
    const churn = changesPerSecond > 0 ? this.#connectors.ask("churn", { changesPerSecond, forMs }) : undefined;
    const [latencies] = await Promise.all([this.#queries.ask("query", { questions, perSecond, forMs }), churn]);
    return latencies;
  }

  /** The same, with the replica's CPU profiled. */
  async profile(file: string, query: TrialQuery, say: (text: string) => void): Promise<void> {
    await profiled(this.#presence.process, { file, say }, () => this.query(query));
  }

  /** Loses a heartbeat of one connector; gives how long it took until everything of it was known again. */
  async resync(index: number): Promise<number> {
    return (await this.#connectors.ask("resync", { index })).ms;
  }
}
