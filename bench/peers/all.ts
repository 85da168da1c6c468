import type { Peer } from "./peer.js";
import { natsWebSocket } from "./natsWebSocket.js";
import { nchan } from "./nchan.js";
import { socketIo } from "./socketIo.js";

/** All peers, in the order of their columns. */
const PEERS: readonly Peer[] = [nchan, natsWebSocket, socketIo];

/** The peers that can be measured here; says which can't, and why. */
export async function presentPeers(say: (text: string) => void): Promise<readonly Peer[]> {
  const present: Peer[] = [];
  for (const peer of PEERS) {
    const why = await peer.missing();
    if (why === undefined) present.push(peer);
    else say(`${peer.name} is left out: ${why}`);
  }
  return present;
}
