import { askJetStream } from "../../lib/bus/apiRequest.js";
import { streamOf } from "../../lib/bus/subjects.js";
import { eventually } from "../../test/helpers/eventually.js";
import type { ClusterNode } from "../../test/helpers/natsCluster.js";
import type { World } from "./world.js";

/** An election on a busy machine. */
const ELECTION_MS = 30_000;

/** The parts of a server's monitoring page that name leaders. */
interface JetStreamPage {
  readonly meta_cluster?: { readonly leader?: string };
  readonly account_details?: readonly { readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { readonly leader?: string } }[] }[];
}

/** The first name that a server gives; throws where none knows one. */
async function findLeader(world: World, read: (page: JetStreamPage) => string | undefined): Promise<ClusterNode> {
  for (const { monitorPort } of world.cluster.nodes) {
    try {
      const page = await fetch(`http://127.0.0.1:${String(monitorPort)}/jsz?streams=true&accounts=true`, { signal: AbortSignal.timeout(2_000) });
      const leader = read((await page.json()) as JetStreamPage);
      if (leader !== undefined && leader !== "") return world.cluster.node(leader);
    } catch {
      // That one is down.
    }
  }
  throw new Error("no server knows a leader");
}

/** The node that leads a namespace's stream. */
export function leaderOf(world: World, namespace: string): Promise<ClusterNode> {
  return eventually(() => findLeader(world, ({ account_details: accounts }) => {
    const streams = accounts?.flatMap(({ stream_detail: details = [] }) => details) ?? [];
    return streams.find(({ name }) => name === streamOf(namespace))?.cluster?.leader;
  }), ELECTION_MS);
}

/** The node that leads JetStream itself: it makes and removes streams and consumers. */
export function metaLeaderOf(world: World): Promise<ClusterNode> {
  return eventually(() => findLeader(world, ({ meta_cluster: meta }) => meta?.leader), ELECTION_MS);
}

/** Asks the leader of a namespace's stream to let another one lead; resolves when one does. */
export async function stepDown(world: World, namespace: string): Promise<void> {
  const { bus } = await world.direct();
  const ask = async (): Promise<string | undefined> => (await askJetStream<{ cluster?: { leader?: string } }>(bus, `STREAM.INFO.${streamOf(namespace)}`, undefined, 1_000)).cluster?.leader;
  const before = await eventually(ask, ELECTION_MS);
  await askJetStream(bus, `STREAM.LEADER.STEPDOWN.${streamOf(namespace)}`, undefined);
  await eventually(async () => ![before, "", undefined].includes(await ask()), ELECTION_MS);
}

/** Adds a connector on each node, so that each kind of distance from the leader is there. */
export async function spread(world: World): Promise<void> {
  for (const { url } of world.cluster.nodes) await world.addConnector([url]);
}
