import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { endWithParent } from "./childProcess.js";
import { eventually } from "./eventually.js";
import { type RouteFaults, RouteProxies } from "./routeProxy.js";
import { removeFolder, temporaryFolder } from "./temporaryFolder.js";

/** The nats-server of cluster tests, which need 2.11 or newer: HALLEY_NATS_CLUSTER_SERVER, or what `scripts/require.sh nats-cluster` built. */
export const CLUSTER_SERVER = process.env["HALLEY_NATS_CLUSTER_SERVER"] ?? resolve(".tools/nats-server");
export const hasClusterServer = existsSync(CLUSTER_SERVER);

/** One server of a cluster. */
export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  readonly monitorPort: number;
  /** The running process; another one after `start`. */
  readonly process: ChildProcess;
  /** Ends the process (SIGKILL for `hard`) and keeps the folder. */
  stop(hard?: boolean): Promise<void>;
  /** Starts it again on the same ports and folder. */
  start(): Promise<void>;
}

/** A cluster of real nats-servers whose routes lead through proxies. */
export interface NatsCluster {
  readonly nodes: readonly ClusterNode[];
  readonly urls: string[];
  readonly routes: RouteFaults;
  node(name: string): ClusterNode;
  /** Resolves when JetStream has a leader that all nodes know and that knows all nodes, up to date. */
  ready(): Promise<void>;
  /** Ends all and removes the folders. */
  remove(): Promise<void>;
}

/** How a cluster is made. */
export interface ClusterOptions {
  readonly size?: number;
  /** The program; CLUSTER_SERVER where left out. */
  readonly program?: string;
}

/** Starts a cluster on free ports of loopback, names n1, n2, …. The caller removes it. */
export async function startNatsCluster({ size = 3, program = CLUSTER_SERVER }: ClusterOptions = {}): Promise<NatsCluster> {
  const proxies = new RouteProxies();
  const clusterPorts = new Map<string, number>();
  const names = Array.from({ length: size }, (_, index) => `n${String(index + 1)}`);
  const proxyPorts = new Map<string, number>();
  for (const name of names) proxyPorts.set(name, await proxies.open(() => clusterPorts.get(name) ?? 1));
  const nodes = names.map((name) => new Node({ name, program, proxyPorts, clusterPorts }));
  await Promise.all(nodes.map((node) => node.start()));
  const cluster: NatsCluster = {
    nodes,
    urls: nodes.map(({ url }) => url),
    routes: proxies,
    node(name) {
      const found = nodes.find((node) => node.name === name);
      if (!found) throw new Error(`no node ${name}`);
      return found;
    },
    async ready() {
      await eventually(async () => {
        const views = await Promise.all(nodes.map(async ({ name, monitorPort }) => ({ name, ...(await metaOf(monitorPort)) })));
        const [first] = views;
        const { replicas = [] } = views.find(({ name }) => name === first?.leader) ?? {};
        const isWhole = replicas.length === size - 1 && replicas.every(({ current, offline = false }) => current && !offline);
        return isWhole && views.every(({ leader }) => leader === first?.leader);
      }, 30_000);
    },
    async remove() {
      await Promise.all(nodes.map((node) => node.stop(true)));
      await proxies.stop();
      for (const node of nodes) node.removeFolder();
    },
  };
  try {
    await cluster.ready();
  } catch (error) {
    await cluster.remove();
    throw error;
  }
  return cluster;
}

interface Meta {
  readonly leader: string;
  /** The others, as this one sees them; only the leader's word counts. */
  readonly replicas: readonly { readonly current: boolean; readonly offline?: boolean }[];
}

async function metaOf(monitorPort: number): Promise<Meta> {
  const { meta_cluster: meta } = (await (await fetch(`http://127.0.0.1:${String(monitorPort)}/jsz`)).json()) as { meta_cluster?: Partial<Meta> };
  return { leader: meta?.leader ?? "", replicas: meta?.replicas ?? [] };
}

interface NodeParts {
  readonly name: string;
  readonly program: string;
  readonly proxyPorts: ReadonlyMap<string, number>;
  readonly clusterPorts: Map<string, number>;
}

interface Ports {
  readonly nats: string[];
  readonly monitoring: string[];
  readonly cluster: string[];
}

class Node implements ClusterNode {
  readonly name: string;
  readonly #parts: NodeParts;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #port = -1;
  #monitorPort = -1;

  constructor(parts: NodeParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#folder = temporaryFolder(parts.name);
  }

  get url(): string {
    return `nats://127.0.0.1:${String(this.#port)}`;
  }

  get monitorPort(): number {
    return this.#monitorPort;
  }

  get process(): ChildProcess {
    if (!this.#child) throw new Error(`${this.name} was never started`);
    return this.#child;
  }

  async start(): Promise<void> {
    const { name, program, clusterPorts } = this.#parts;
    const config = join(this.#folder, "nats.conf");
    writeFileSync(config, this.#config());
    for (const file of readdirSync(this.#folder)) if (file.endsWith(".ports")) rmSync(join(this.#folder, file));
    const started = endWithParent(spawn(program, ["-c", config, "-l", join(this.#folder, "log")], { stdio: "ignore" }));
    this.#child = started;
    const ports = await eventually(() => {
      if (started.exitCode !== null) throw new Error(`${name} exited with ${String(started.exitCode)}: ${readFileSync(join(this.#folder, "log"), "utf8").slice(-500)}`);
      const file = readdirSync(this.#folder).find((entry) => entry.endsWith(".ports"));
      return JSON.parse(readFileSync(join(this.#folder, file ?? "none"), "utf8")) as Ports;
    });
    this.#port = portOf(ports.nats);
    this.#monitorPort = portOf(ports.monitoring);
    clusterPorts.set(name, portOf(ports.cluster));
  }

  async stop(hard = false): Promise<void> {
    const running = this.#child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    // A frozen process takes no SIGTERM.
    running.kill(hard ? "SIGKILL" : "SIGTERM");
    await ended;
  }

  removeFolder(): void {
    removeFolder(this.#folder);
  }

  #config(): string {
    const { name, proxyPorts, clusterPorts } = this.#parts;
    const others = [...proxyPorts].filter(([other]) => other !== name);
    return `
server_name: ${name}
listen: "127.0.0.1:${String(this.#port)}"
http: "127.0.0.1:${String(this.#monitorPort)}"
ports_file_dir: "${this.#folder}"
max_payload: 2MB
jetstream { store_dir: "${this.#folder}/js" }
cluster {
  name: halley
  listen: "127.0.0.1:${String(clusterPorts.get(name) ?? -1)}"
  advertise: "127.0.0.1:${String(proxyPorts.get(name))}"
  routes: [${others.map(([, port]) => `"nats-route://127.0.0.1:${String(port)}"`).join(", ")}]
}
`;
  }
}

function portOf([url]: string[]): number {
  return Number(new URL(url ?? "").port);
}
