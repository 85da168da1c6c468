import { connect, type NatsConnection } from "nats";
import { namespaceStream } from "../../lib/bus/streamSpec.js";
import { eventually } from "./eventually.js";
import { FactStream } from "./factRig.js";
import { type ClusterNode, type NatsCluster, startNatsCluster } from "./natsCluster.js";

let count = 0;

/** A stream of three replicas, and how its leader and another node see it. */
export interface SeenStream {
  readonly leader: ClusterNode;
  readonly other: ClusterNode;
  readonly byLeader: FactStream;
  readonly byOther: FactStream;
}

/** A cluster of three and a plain connection to each of its servers: facts are told by the servers themselves. */
export class FactCluster {
  readonly cluster: NatsCluster;
  #connections: NatsConnection[] = [];

  private constructor(cluster: NatsCluster) {
    this.cluster = cluster;
  }

  /** Starts one, without connections. The caller stops it. */
  static async start(): Promise<FactCluster> {
    return new FactCluster(await startNatsCluster());
  }

  /** Connects to each server. */
  async connect(): Promise<void> {
    this.#connections = await Promise.all(this.cluster.urls.map((servers) => connect({ servers })));
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close()));
  }

  stop(): Promise<void> {
    return this.cluster.remove();
  }

  at(node: ClusterNode): NatsConnection {
    return this.#connections[this.cluster.nodes.indexOf(node)]!;
  }

  /** A new stream. */
  async stream(): Promise<SeenStream> {
    const config = namespaceStream(`f${String(++count)}`, { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 }, 3);
    const stream = await eventually(() => FactStream.create(this.#connections[0]!, config));
    const leader = await this.leaderOf(stream);
    const other = this.cluster.nodes.find((node) => node !== leader)!;
    const seen = { leader, other, byLeader: new FactStream(this.at(leader), config), byOther: new FactStream(this.at(other), config) };
    // The interest of a new stream takes a moment to reach the other servers.
    for (const by of [seen.byLeader, seen.byOther]) await eventually(async () => (await by.store("$tick", { "Nats-Expected-Stream": "-" }, "")).error);
    return seen;
  }

  leaderOf(stream: FactStream): Promise<ClusterNode> {
    return eventually(async () => this.cluster.node((await stream.info()).cluster?.leader ?? ""));
  }

  /** Lets another node lead. */
  async elect(stream: FactStream): Promise<void> {
    const before = await this.leaderOf(stream);
    await stream.ask("STREAM.LEADER.STEPDOWN");
    await eventually(async () => (await this.leaderOf(stream)) !== before);
  }
}
