import type { Batch } from "../channel/batch.js";
import type { Close } from "../protocol/closeCodes.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import type { TransportName } from "./presenceSink.js";

/** Where a session's frames go: one live connection. */
export interface Outlet {
  readonly transport: TransportName;
  /** Queues an answer. Past its bound the connection is closed as too slow. */
  send(frame: ServerFrame): void;
  /** Queues publications; false, and nothing queued, when too much waits for the client already. */
  publish(batch: Batch): boolean;
  /** Whether nothing waits for the client. */
  readonly empty: boolean;
  /** Whether so much waits that history should not be added. */
  readonly congested: boolean;
  /** Resolves when the client has taken what waited and takes more, or the connection has ended. */
  drained(): Promise<void>;
  /** The session's token ends at another time than before. */
  deadlineChanged(): void;
  /** Says why, then ends the connection. `afterMs`: when the client should come back. */
  close(close: Close, afterMs?: number): void;
  /** Something that was done for the client threw: closes the connection, without what waits, to come back. Never throws. */
  onFault(): void;
}
