import type { Contender } from "../contenders/contender.js";
import type { PartContext } from "../part.js";

/** Another server of WebSockets that Halley is measured beside. */
export interface Peer {
  /** Names its column. */
  readonly name: string;
  /** Why it can't be measured here, in a sentence; undefined where it can. */
  missing(): Promise<string | undefined>;
  /** Starts it on a free port of loopback. */
  start(context: PartContext): Promise<Contender>;
}
