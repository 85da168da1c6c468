import type { Bus } from "../../../lib/bus/bus.js";
import type { Clock, Timer } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import type { NamespaceFeed } from "./namespaceFeed.js";

const AUDIT_MS = 10_000;

/** What an audit needs. */
interface AuditParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly feed: NamespaceFeed;
}

/**
 * Looks every 10 s whether the stream is still the history that this connector follows: it may have been made again,
 * restored or rolled back. (In a cluster the comparison of every channel's last sequence belongs here too; on one server
 * the order of the connection makes it needless.)
 */
export class Audit {
  readonly #parts: AuditParts;
  #timer: Timer | undefined;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  start(): void {
    const { bus, clock, feed, log } = this.#parts;
    this.#timer = clock.every(AUDIT_MS, () => {
      if (!bus.connected) return;
      feed.refresh().catch((error: unknown) => { log.warn({ err: error }, "the audit of a stream failed; it is tried again"); });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
