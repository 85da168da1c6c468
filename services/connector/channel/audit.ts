import type { Bus } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";
import type { Clock, Timer } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import type { NamespaceFeed } from "./namespaceFeed.js";

const AUDIT_MS = 10_000;
const EPOCH_TIMEOUT_MS = 2_000;

/** What an audit needs. */
interface AuditParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly feed: NamespaceFeed;
}

/**
 * Looks every 10 s whether the stream is still the history that this connector follows: another epoch, or a last sequence
 * below a tick that was seen, means that it was made again, restored or rolled back. (In a cluster the comparison of every
 * channel's last sequence belongs here too; on one server the order of the connection makes it needless.)
 */
export class Audit {
  readonly #parts: AuditParts;
  #timer: Timer | undefined;
  #running = false;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.clock.every(AUDIT_MS, () => {
      this.#run().catch((error: unknown) => { this.#parts.log.warn({ err: error }, "the audit of a stream failed; it is tried again"); });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    const { bus, feed, log } = this.#parts;
    if (this.#running || !bus.connected) return;
    this.#running = true;
    try {
      const seen = feed.tick;
      const { lastSequence, epoch } = await feed.history.infoAfterNow();
      if (epoch === feed.epoch && lastSequence < seen) {
        log.error({ lastSequence, seen }, "the stream has lost messages that it had stored: asking for a new epoch");
        // Of that epoch only: another connector may have asked already.
        await bus.request(subjects.raiseEpoch(feed.namespace.name), epoch, EPOCH_TIMEOUT_MS);
      }
      if (epoch !== feed.epoch || lastSequence < seen) await feed.refresh();
    } finally {
      this.#running = false;
    }
  }
}
