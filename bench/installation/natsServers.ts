import { findNatsBinary, type NatsBinary } from "../../cli/nats/natsBinary.js";
import { CLUSTER_SERVER, hasClusterServer } from "../../test/helpers/natsCluster.js";

/** The usual nats-server and, where it is there and another version, the newest one. */
export async function natsServers(): Promise<NatsBinary[]> {
  const usual = await findNatsBinary(process.env["HALLEY_NATS_SERVER"]);
  const newest = hasClusterServer ? await findNatsBinary(CLUSTER_SERVER) : usual;
  return newest.version === usual.version ? [usual] : [usual, newest];
}
