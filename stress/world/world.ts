import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { stringify } from "yaml";
import { TEST_API_KEY, TEST_JWT_SECRET } from "../../test/helpers/installation.js";
import { CLUSTER_SERVER, type NatsCluster, startNatsCluster } from "../../test/helpers/natsCluster.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { removeFolder, temporaryFolder } from "../../test/helpers/temporaryFolder.js";
import { type ClientOptions, StressClient } from "../clients/client.js";
import { Aftermath } from "../leaks/aftermath.js";
import { COLLECTING } from "../leaks/leakGate.js";
import { ServiceProcess } from "../process/serviceProcess.js";
import { Random } from "../random.js";
import { DirectPublisher } from "./directPublisher.js";
import { endService } from "./endService.js";
import { Ledger } from "./ledger.js";
import type { Participant } from "./participant.js";
import { Traffic, type TrafficOptions } from "./traffic.js";

/** What a scenario needs. */
export interface WorldOptions {
  readonly seed: number;
  readonly nats: "single" | "cluster";
  /** Which nats-server: the usual one (of clusters: the newest), or the newest. */
  readonly server?: "newest";
  /** Added to the configuration of a single one. */
  readonly natsSettings?: string;
  /** Of each stream; left out: as many as there are servers. */
  readonly replicas?: number;
  readonly publishes?: number;
  readonly connectors?: number;
  readonly presences?: number;
  /** Changed limits of the connectors. */
  readonly limits?: object;
  readonly namespaces?: object;
  /** The share of what is repeated that is: the short form repeats less. 1 where left out. */
  readonly effort?: number;
  /** Further settings of every service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What halley.yaml says at first. */
export const NAMESPACES = {
  chat: { history: { messages: 100_000, age: "1h", bytes: "256MiB" }, presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
  news: { history: { messages: 100_000, age: "1h", bytes: "256MiB" }, subscribe: "signed-in", untyped: true },
  short: { history: { messages: 20, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", publish: "signed-in", untyped: true },
  young: { history: { messages: 100_000, age: "12s", bytes: "64MiB" }, subscribe: "signed-in", untyped: true },
  small: { history: { messages: 100_000, age: "1h", bytes: "1MiB" }, subscribe: "signed-in", untyped: true },
  live: { subscribe: "signed-in", publish: "signed-in", untyped: true },
};

/** How long nothing may come while something is missing, after everything is well again. A busy machine is slow, and no fault. */
const SETTLE_MS = 30_000;

/** After everything has come: what comes twice, or is told without reason, comes soon after. */
const LINGER_MS = 500;

/** A whole installation with its clients and backends: real processes on loopback, which a scenario mistreats. */
export class World {
  readonly random: Random;
  readonly ledger = new Ledger();
  readonly publishes: ServiceProcess[] = [];
  readonly connectors: ServiceProcess[] = [];
  readonly presences: ServiceProcess[] = [];
  readonly clients: StressClient[] = [];
  readonly #participants: Participant[] = [];
  /** Figures worth printing, in sentences. */
  readonly notes: string[] = [];
  readonly #options: WorldOptions;
  readonly #folder = temporaryFolder("stress");
  readonly #traffics: Traffic[] = [];
  readonly #aftermath = new Aftermath({ services: () => this.#running, monitorPorts: () => this.#monitorPorts });
  readonly #onLeave: (() => Promise<void> | void)[] = [];
  readonly #onStop: (() => Promise<void> | void)[] = [];
  #direct: DirectPublisher | undefined;
  #nats: NatsServer | undefined;
  #cluster: NatsCluster | undefined;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
  }

  /** Starts it, ready to use. The caller stops it. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      await world.#start();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** The one nats-server; throws on a cluster. */
  get nats(): NatsServer {
    if (!this.#nats) throw new Error("this world has a cluster");
    return this.#nats;
  }

  get cluster(): NatsCluster {
    if (!this.#cluster) throw new Error("this world has one nats-server");
    return this.#cluster;
  }

  get natsUrls(): readonly string[] {
    return this.#cluster?.urls ?? [this.nats.url];
  }

  /** Ports of the connectors that run. */
  readonly ports = (): readonly number[] => this.connectors.filter(({ isRunning }) => isRunning).map(({ port }) => port);

  /** Adds a connector that is ready; `natsUrls`: where it connects, else anywhere. */
  async addConnector(natsUrls: readonly string[] = this.natsUrls, env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const limits = { STRESS_LIMITS: JSON.stringify({ drainMs: 1_000, ...this.#options.limits }) };
    const connector = this.#service("connector", "stress/process/connector.js", { HALLEY_NATS_URL: natsUrls.join(","), HALLEY_JWT_SECRET: TEST_JWT_SECRET, ...limits, ...env });
    this.connectors.push(connector);
    await this.#startNew(connector);
    return connector;
  }

  async addPublish(natsUrls: readonly string[] = this.natsUrls): Promise<ServiceProcess> {
    const publish = this.#service("publish", "services/publish/main.js", { HALLEY_NATS_URL: natsUrls.join(","), HALLEY_API_KEYS: TEST_API_KEY });
    this.publishes.push(publish);
    await this.#startNew(publish);
    return publish;
  }

  /** Adds a replica that is ready; `natsUrls`: where it connects, else anywhere. */
  async addPresence(natsUrls: readonly string[] = this.natsUrls): Promise<ServiceProcess> {
    const presence = this.#service("presence", "services/presence/main.js", { HALLEY_NATS_URL: natsUrls.join(","), HALLEY_API_KEYS: TEST_API_KEY });
    this.presences.push(presence);
    await this.#startNew(presence);
    return presence;
  }

  /** How often something is repeated, or how many messages flow: so many, less in the short form. */
  times(count: number): number {
    return Math.ceil(count * (this.#options.effort ?? 1));
  }

  /** A client of some connector, subscribed. */
  async join(options: Partial<ClientOptions> & Pick<ClientOptions, "channels">): Promise<StressClient> {
    const client = new StressClient({ user: `u${String(this.clients.length)}`, ports: this.ports, random: this.random, ledger: this.ledger, ...options });
    this.clients.push(client);
    return client.joined();
  }

  /** Somebody else who is held against the ledger, and leaves with the clients. */
  take(participant: Participant): void {
    this.#participants.push(participant);
  }

  /** All who are held against the ledger. */
  get participants(): readonly Participant[] {
    return [...this.clients, ...this.#participants];
  }

  /** A client that is not held against the ledger. Its maker ends it. */
  visitor(options: Partial<ClientOptions> & Pick<ClientOptions, "channels" | "user">): StressClient {
    return new StressClient({ ports: this.ports, random: this.random, ledger: this.ledger, ...options });
  }

  /** Several clients, the transports in turn. */
  joinMany(count: number, options: Partial<ClientOptions> & Pick<ClientOptions, "channels">): Promise<StressClient[]> {
    return Promise.all(Array.from({ length: count }, (_, index) => this.join({ transport: index % 2 === 0 ? "websocket" : "poll", ...options })));
  }

  /** Backends that publish until the end. */
  traffic(options: Partial<TrafficOptions> & Pick<TrafficOptions, "channels">): Traffic {
    const ports = this.publishes.map(({ port }) => port);
    const traffic = new Traffic({ ports, apiKey: TEST_API_KEY, random: this.random, ledger: this.ledger, ...options });
    this.#traffics.push(traffic);
    return traffic;
  }

  /** So many messages to a channel, by two publishers. Resolves when they are acknowledged. */
  async publishMany(channel: string, count: number): Promise<void> {
    await this.traffic({ channels: [channel], lanes: 2, everyMs: 1, count: Math.ceil(count / 2) }).ended;
  }

  /** Writes other namespaces into halley.yaml, for services that start from now on. */
  configure(namespaces: object): void {
    const { nats, replicas = nats === "cluster" ? 3 : 1 } = this.#options;
    writeFileSync(join(this.#folder, "halley.yaml"), stringify({ replicas, namespaces }));
  }

  /** One message to each of these channels. Resolves when they are acknowledged. */
  async publishOnce(channels: readonly string[]): Promise<void> {
    const traffics = channels.map((channel) => this.traffic({ channels: [channel], lanes: 1, count: 1 }));
    await Promise.all(traffics.map((traffic) => traffic.ended));
  }

  /** A message straight onto NATS, as a backend without gRPC publishes it. Resolves when it is stored. */
  async publishOnNats(channel: string, n: number, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const direct = await this.direct();
    this.ledger.of(channel).begin(n);
    const fault = this.ledger.of(channel).acknowledge(await direct.publish(channel, `{"n":${String(n)}}`, headers), n);
    if (fault !== undefined) throw new Error(fault);
  }

  /** A backend on NATS itself. */
  async direct(): Promise<DirectPublisher> {
    this.#direct ??= await DirectPublisher.connect(this.natsUrls);
    return this.#direct;
  }

  /** Resolves when every client has everything that it was promised so far, or nothing more has come for so long. */
  async complete(limitMs = SETTLE_MS): Promise<void> {
    let received = -1;
    let deadline = Date.now() + limitMs;
    while (!this.participants.every(({ state }) => state.isComplete(this.ledger))) {
      const now = this.received;
      if (now > received) deadline = Date.now() + limitMs;
      else if (Date.now() > deadline) return;
      received = now;
      await pause(20);
    }
  }

  /** Publications that came to clients, in all. */
  get received(): number {
    return this.participants.reduce((sum, { state }) => sum + state.count, 0);
  }

  /** Shows a figure beside the outcome. */
  note(text: string): void {
    this.notes.push(text);
  }

  /** Runs at the end, when the clients leave: ends what stands between them and the services. */
  onLeave(leave: () => Promise<void> | void): void {
    this.#onLeave.push(leave);
  }

  /** Runs at the end, when the services have stopped: ends what they lean on. */
  onStop(stop: () => Promise<void> | void): void {
    this.#onStop.push(stop);
  }

  /** Ends the traffic and waits until every client has everything that it was promised. Gives what is wrong. */
  async settle(limitMs = SETTLE_MS): Promise<string[]> {
    await this.quiet();
    await this.complete(limitMs);
    // Nothing more may come.
    await pause(LINGER_MS);
    const faults = this.#traffics.flatMap((traffic) => traffic.faults);
    for (const { state } of this.participants) faults.push(...state.check(this.ledger));
    return faults;
  }

  /** Ends the traffic; resolves when everything that was under way is acknowledged. */
  async quiet(): Promise<void> {
    for (const traffic of this.#traffics) await traffic.stop();
  }

  /** Waits for a fact, which `what` names where it doesn't come. */
  async until(isSo: () => boolean | Promise<boolean>, what: string, limitMs = 20_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`not within ${String(limitMs)} ms: ${what}`);
      await pause(20);
    }
  }

  /** A metric of the connectors that run, summed. */
  async metric(name: string): Promise<number> {
    const values = await Promise.all(this.connectors.filter(({ isRunning }) => isRunning).map((connector) => connector.metric(name)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** What every client was told that it may miss. */
  get breaks(): string[] {
    return this.participants.flatMap(({ state }) => state.breaks.map((reason) => `${state.name}: ${reason}`));
  }

  /** Everybody leaves, and then the services are told to end. Gives what is left of the clients, and who ended badly. */
  async end(): Promise<string[]> {
    await this.#leave();
    const left = await this.#aftermath.check();
    return [...left, ...(await Promise.all(this.#running.map(endService))).flat()];
  }

  /** Ends whatever still runs, and removes it. */
  async stop(): Promise<void> {
    await this.#leave();
    await Promise.all(this.services.map((service) => service.kill()));
    for (const stop of this.#onStop.splice(0)) await stop();
    await this.#nats?.remove();
    await this.#cluster?.remove();
    removeFolder(this.#folder);
  }

  async #leave(): Promise<void> {
    await this.quiet();
    await this.#direct?.close();
    for (const connector of this.connectors) connector.hasten();
    await Promise.all(this.participants.map((one, index) => one.stop(this.presences.length > 0 || index % 4 < 2)));
    this.#participants.length = 0;
    for (const leave of this.#onLeave.splice(0)) await leave();
  }

  get services(): readonly ServiceProcess[] {
    return [...this.connectors, ...this.presences, ...this.publishes];
  }

  get #running(): readonly ServiceProcess[] {
    return this.services.filter(({ isRunning }) => isRunning);
  }

  get #monitorPorts(): readonly number[] {
    return this.#cluster?.nodes.map(({ monitorPort }) => monitorPort) ?? [this.nats.monitorPort];
  }

  async #start(): Promise<void> {
    const { nats, server, natsSettings, publishes = 1, connectors = 2, presences = 0, namespaces } = this.#options;
    if (nats === "cluster") this.#cluster = await startNatsCluster();
    else this.#nats = await startNatsServer(natsSettings, server === "newest" ? CLUSTER_SERVER : undefined);
    this.configure(namespaces ?? NAMESPACES);
    await Promise.all([
      ...Array.from({ length: publishes }, () => this.addPublish()),
      ...Array.from({ length: connectors }, () => this.addConnector()),
      ...Array.from({ length: presences }, () => this.addPresence()),
    ]);
  }

  async #startNew(service: ServiceProcess): Promise<void> {
    await service.start();
    await this.#aftermath.note(service);
  }

  #service(kind: string, module: string, env: Readonly<Record<string, string>>): ServiceProcess {
    const all = { HALLEY_CONFIG: join(this.#folder, "halley.yaml"), ...COLLECTING, ...this.#options.env, ...env };
    const count = this.services.filter(({ name }) => name.startsWith(kind)).length;
    return new ServiceProcess({ name: `${kind}-${String(count + 1)}`, module, prefix: kind.toUpperCase(), env: { ...all, HALLEY_LOG_LEVEL: "info" } });
  }
}
