import type { Bus } from "../../lib/bus/bus.js";
import { makeHeaders } from "../../lib/bus/publishHeaders.js";
import { contentType, header, subjects } from "../../lib/bus/subjects.js";
import { STATS_CHANNEL } from "../../lib/channel/channelName.js";
import type { Clock } from "../../lib/clock.js";
import type { Running } from "../../lib/lifecycle.js";
import type { Roster } from "./roster/roster.js";
import { statsOf } from "./replies.js";
import type { Timestamp } from "../../gen/google/protobuf/timestamp.js";

const EVERY_MS = 1_000;

/** What the feed works with. */
export interface StatsFeedOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly roster: Roster;
  readonly isLeader: () => boolean;
}

/** Publishes the statistics to the channel `sys.stats` once a second, while this replica leads. */
export class StatsFeed implements Running {
  readonly #options: StatsFeedOptions;
  readonly #stop: () => void;

  constructor(options: StatsFeedOptions) {
    this.#options = options;
    const timer = options.clock.every(EVERY_MS, () => { this.#publish(); });
    this.#stop = () => { timer.cancel(); };
  }

  stop(): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }

  #publish(): void {
    const { bus, clock, isLeader, roster } = this.#options;
    if (!bus.connected || !isLeader()) return;
    const headers = makeHeaders({ [header.contentType]: contentType.json, [header.time]: new Date(clock.nowMs()).toISOString() });
    bus.publish(subjects.publish(STATS_CHANNEL), Buffer.from(statsJson(roster, clock)), { headers });
  }
}

/** The statistics as JSON: the fields of GetStatsResponse in camel case, zeros too, times in RFC 3339. */
function statsJson(roster: Roster, clock: Clock): string {
  const { asOf, connectors, ...totals } = statsOf(roster, clock);
  const shown = connectors.map((one) => ({ ...one, startedAt: isoOf(one.startedAt), heardAt: isoOf(one.heardAt) }));
  return JSON.stringify({ ...totals, connectors: shown, asOf: isoOf(asOf) });
}

function isoOf(timestamp: Timestamp | undefined): string | undefined {
  return timestamp && new Date(timestamp.seconds * 1_000 + timestamp.nanos / 1_000_000).toISOString();
}
