import { randomBytes } from "node:crypto";
import { Bus } from "../../lib/bus/bus.js";
import { systemClock } from "../../lib/clock.js";
import { silentLog } from "../../lib/log.js";
import { PresenceReporter } from "../../services/connector/presence/reporter.js";
import type { PresenceTruth } from "./truth.js";

/** A session of a connector that has no clients. */
export interface SimulatedSession {
  readonly id: Uint8Array;
  readonly user: string;
  readonly channels: readonly string[];
}

/** The presence side of a connector, with its real heartbeats, for more sessions than there could be clients. */
export class SimulatedConnector {
  readonly name: string;
  /** When each was opened, milliseconds since 1970. */
  readonly sessions = new Map<SimulatedSession, number>();
  readonly #bus: Bus;
  readonly #reporter: PresenceReporter;
  readonly #truth: PresenceTruth;

  private constructor(name: string, bus: Bus, truth: PresenceTruth) {
    this.name = name;
    this.#bus = bus;
    this.#truth = truth;
    this.#reporter = new PresenceReporter({ bus, clock: systemClock, log: silentLog, connector: name, incarnation: randomBytes(8) });
  }

  /** Starts a process, as it were, under a name that may have been another's. */
  static async start(urls: readonly string[], name: string, truth: PresenceTruth): Promise<SimulatedConnector> {
    return new SimulatedConnector(name, await Bus.connect({ servers: urls, name, log: silentLog }), truth);
  }

  /** A session comes, or comes back. */
  open(session: SimulatedSession): void {
    const { id, user, channels } = session;
    const nowMs = Date.now();
    this.sessions.set(session, nowMs);
    this.#reporter.sessionOpened({ id, user, transport: "websocket", sinceMs: nowMs });
    for (const channel of channels) this.#reporter.joined(id, channel);
    // One that comes back goes on, or not: both are right.
    this.#truth.came(session, user, channels, { earliestMs: 0, latestMs: nowMs });
  }

  /** A session goes, and is not missed for a time. */
  close(session: SimulatedSession, graceMs: number): void {
    this.sessions.delete(session);
    this.#reporter.sessionClosed(session.id, graceMs);
    this.#truth.went(session, session.user, session.channels, { graceMs, isSure: true });
  }

  /** How many sessions are subscribed to a channel. */
  count(channel: string, sessions: number): void {
    this.#reporter.subscriberCount(channel, sessions);
  }

  /** Ends without a word; the truth is not told. */
  async kill(): Promise<void> {
    await this.#bus.connection.close();
    this.#reporter.stop();
  }
}
