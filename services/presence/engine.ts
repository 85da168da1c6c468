import { randomBytes } from "node:crypto";
import type { Bus } from "../../lib/bus/bus.js";
import { connectBus } from "../../lib/bus/connectBus.js";
import { LastSeen } from "../../lib/bus/lastSeen.js";
import type { Clock } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import type { PresenceConfig } from "./config.js";
import { LastSeenLog, type Role } from "./lastSeenLog.js";
import { MembersResponder } from "./membersResponder.js";
import { Replicas } from "./replicas.js";
import { userPresenceOf } from "./replies.js";
import { RosterKeeper } from "./rosterKeeper.js";
import type { Known } from "./service.js";
import { StatsFeed } from "./statsFeed.js";
import type { Watchers } from "./watchers.js";

/** What the engine needs. */
export interface EngineOptions {
  readonly config: PresenceConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly watchers: Watchers;
  /** Told when `fault` may have changed. */
  readonly onChange: () => void;
}

/** What is given up because of a stop fails with this. */
export const STOPPING = new Error("the service is stopping");

interface Parts extends Known {
  readonly bus: Bus;
  readonly keeper: RosterKeeper;
  readonly members: MembersResponder;
  readonly store: LastSeen;
}

/** The side of the service that faces NATS: heartbeats in, last-seen times, members and statistics out. */
export class Engine implements Running {
  readonly #options: EngineOptions;
  readonly #started = new StartedParts();
  readonly #abort = new AbortController();
  #parts: Parts | undefined;
  #bucketFound = false;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Why answers would not be whole at the moment; undefined when they are. */
  get fault(): string | undefined {
    if (!this.#parts) return "NATS has not answered yet";
    const { bus, keeper } = this.#parts;
    if (!bus.connected) return "disconnected from NATS";
    if (!keeper.isReady) return "not every connector has been heard yet";
    return this.#bucketFound ? undefined : "the last-seen bucket is not there: the publish service makes it";
  }

  /** The number that each metric shows; 0 before NATS has answered. */
  read(measure: (known: Known) => number): number {
    return this.#parts ? measure(this.#parts) : 0;
  }

  /** Throws NOT_READY while `fault` says why. */
  known(): Known {
    const { fault } = this;
    if (this.#parts && fault === undefined) return this.#parts;
    throw new RpcError("NOT_READY", `presence can't answer now: ${fault ?? "a moment"}`, { retryAfterMs: 1_000 });
  }

  /** Connects and listens. Waits for NATS and for the bucket as long as it takes; resolves when ready for the first time. */
  async start(): Promise<void> {
    const { config, log, clock } = this.#options;
    const bus = await connectBus({ servers: config.natsUrls, name: "halley-presence", log }, clock, this.#abort.signal);
    this.#started.add(bus, () => bus.close());
    const parts = this.#build(bus);
    this.#parts = parts;
    const whenReady = this.#whenReady(parts.keeper);
    this.#changed();
    await Promise.all([whenReady, this.#findBucket(parts.store)]);
  }

  /** Disconnects. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort(STOPPING);
    await this.#started.stop();
  }

  #build(bus: Bus): Parts {
    const { config, log, clock, watchers } = this.#options;
    const started = this.#started;
    const keeper = started.add(new RosterKeeper({ bus, clock, log, roundMs: config.roundMs, leaseMs: config.leaseMs }), (part) => part.stop());
    const { roster } = keeper;
    const isReady = (): boolean => this.fault === undefined;
    const replicas = started.add(new Replicas({ bus, clock, id: randomBytes(8).toString("hex"), isReady }), (part) => part.stop());
    const store = started.add(new LastSeen(bus, clock), (part) => { part.close(); });
    const role = (): Role => (!isReady() ? "away" : replicas.isLeader ? "leader" : "follower");
    const lastSeen = started.add(new LastSeenLog({ store, clock, log, role }), (part) => part.stop());
    const members = started.add(new MembersResponder({ bus, clock, log, roster, namespaces: config.namespaces }), (part) => { part.setAnswering(false); });
    started.add(new StatsFeed({ bus, clock, roster, isLeader: () => replicas.isLeader }), (part) => part.stop());
    keeper.onEvents((events, atMs) => {
      lastSeen.note(events, atMs);
      watchers.offer(events, atMs, (user) => userPresenceOf(roster.user(user), atMs, atMs));
    });
    keeper.onReady(() => { this.#changed(); });
    return { bus, keeper, members, store, roster, lastSeen };
  }

  async #findBucket(store: LastSeen): Promise<void> {
    await store.whenBucketExists(this.#abort.signal);
    this.#bucketFound = true;
    this.#changed();
  }

  #whenReady(keeper: RosterKeeper): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abort.signal.addEventListener("abort", () => { reject(STOPPING); }, { once: true });
      keeper.onReady((ready) => {
        if (ready) resolve();
      });
    });
  }

  #changed(): void {
    if (this.#abort.signal.aborted) return;
    this.#parts?.members.setAnswering(this.fault === undefined);
    this.#options.onChange();
  }
}
