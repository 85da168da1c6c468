import { type HalleyError } from "./errors.js";
import { type TransportName } from "./transport.js";

/**
 * Where the connection stands.
 *
 * ```
 *            connect()              signed in
 *  closed ------------> connecting ----------> connected
 *    ^                   |      ^                  |
 *    |        no answer  v      | after retryInMs  | cut, drained, silent
 *    +---------------- disconnected <--------------+
 *      close(), or refused for good (from any state)
 * ```
 *
 * - `closed`: nothing is tried. The first state; and after close(), or a refusal that a retry can't change (`error` says
 *   which). connect() begins again; subscriptions and their positions are still there.
 * - `connecting`: a token is fetched, a link opened, the sign-in awaited; or long-poll is given up for WebSocket.
 * - `connected`: signed in. Subscriptions are (re)established from their positions right after.
 * - `disconnected`: waiting for the next attempt, `retryInMs` from now at the latest; sooner when the network or the page
 *   comes back. There is no further state for "long disconnected": what was missed is told for each channel, by
 *   `recovered`, when the connection is back.
 */
export type ConnectionState = "closed" | "connecting" | "connected" | "disconnected";

/** A change of the connection's state. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  /** How frames travel; undefined unless connected. */
  readonly transport: TransportName | undefined;
  /** In `disconnected`: when the next attempt comes, in milliseconds. */
  readonly retryInMs?: number;
  /** Why it is `disconnected`, or `closed` for good. */
  readonly error?: HalleyError;
}
