import type { Running } from "../../lib/lifecycle.js";
import type { DialectName } from "../load/dialects/all.js";
import type { Source } from "../load/trigger.js";
import type { Pids } from "../process/usage.js";

/** What is delivered. */
export interface Shot {
  /** In turn. */
  readonly channels: readonly string[];
  /** Of each message: a JSON object. */
  readonly payload: string;
  /** Messages at a time. */
  readonly burst: number;
}

/** A running server of WebSockets that is measured: Halley, a floor, or a peer. Whoever started it stops it. */
export interface Contender extends Running {
  /** Names its column. */
  readonly name: string;
  /** Where subscribers come, and how they speak. */
  readonly port: number;
  readonly dialect: DialectName;
  /** What users' tokens are signed with, where it asks for tokens. */
  readonly secret?: string;
  /** Its processes: `server` holds the connections, `nats` is Halley's nats-server. */
  readonly pids: { readonly server: Pids; readonly [others: string]: Pids };
  /** Collects garbage, where that can be asked for. */
  settle(): Promise<void>;
  /** Gets ready to deliver such messages, no others any more, and says how to make it do so. */
  source(shot: Shot): Promise<Source>;
}
