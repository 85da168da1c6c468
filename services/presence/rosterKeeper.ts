import { setImmediate as nextTurn } from "node:timers/promises";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import type { Bus, BusMessage } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { WireReader } from "../../lib/bus/wireReader.js";
import { type Clock, sleep, type Timer } from "../../lib/clock.js";
import type { Running } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import { NetEvents, type RosterEvent } from "./roster/netEvents.js";
import { type Outcome, Roster } from "./roster/roster.js";
import { SnapshotUnderWay } from "./snapshotRequest.js";
import { Standstill } from "./standstill.js";

/** What a keeper works with. */
export interface KeeperOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a replica listens before it can have heard of every connector, in milliseconds: a heartbeat's interval and some. */
  readonly roundMs: number;
  /** A connector unheard for this long is lost. */
  readonly leaseMs: number;
}

/** Told of the net changes of a step, and when they happened, milliseconds since 1970. */
export type EventListener = (events: readonly RosterEvent[], atMs: number) => void;

/** A snapshot that was not given is asked for again after this long. */
const SNAPSHOT_RETRY_MS = 500;
/** A session that said goodbye counts for 250 ms more, and deadlines are looked at in steps. */
const GOODBYE_MS = 300;
/** Timers of Node.js may come a millisecond early: who looks whether the time has come would find that it hasn't, and wait for a heartbeat. */
const EARLY_MS = 1;
/** Deadlines are looked at no more often than this. */
const MIN_STEP_MS = 20;
/** Claims that end in one turn of the event loop, about 15 us each: questions and heartbeats come in between. */
const ENDED_TOGETHER = 200;

/**
 * The process around the roster: feeds it heartbeats, asks for snapshots, lets time pass. Ready once it has listened for a
 * round and holds everything that the connectors it heard have said, at the latest after a lease. While NATS is away nobody
 * goes offline: what can't be heard is not gone. It is not ready then, and gets ready anew when NATS is back.
 *
 * When the process stood still, what waited for it is of the past: it is not ready before all of that is read, and tells only
 * what is left of it then.
 */
export class RosterKeeper implements Running {
  readonly roster: Roster;
  readonly #options: KeeperOptions;
  readonly #listeners = new Set<EventListener>();
  readonly #readyListeners = new Set<(ready: boolean) => void>();
  readonly #snapshots = new Map<string, SnapshotUnderWay>();
  readonly #retries = new Map<string, Timer>();
  readonly #stops: (() => void)[] = [];
  readonly #heartbeats: WireReader<Heartbeat>;
  readonly #standstill: Standstill;
  /** What happened since a standstill, until it is ready again. */
  #held: NetEvents | undefined;
  #stoodStillToMs = -Infinity;
  /** Readings of what waited during standstills that are under way. */
  #readings = 0;
  #began = 0;
  readonly #ending = new AbortController();
  /** The end of a lease after the standstill that was noticed last. */
  #afterStandstill: Timer | undefined;
  #rounds: Timer[] = [];
  #step: Timer | undefined;
  #stepAtMs = Infinity;
  #stepping = false;
  #ready = false;
  #stopped = false;

  /** Listens from now on. */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.roster = new Roster({ leaseMs: options.leaseMs });
    const { bus, clock, log } = options;
    this.#heartbeats = new WireReader({ decode: (bytes) => Heartbeat.decode(bytes), clock, log });
    const subscription = bus.subscribe(subjects.heartbeatAll, (message) => { this.#onHeartbeat(message); });
    this.#stops.push(() => { subscription.unsubscribe(); });
    this.#stops.push(bus.onEvent((event) => {
      if (event === "disconnected") this.#pause();
      else if (event === "reconnected") this.#begin();
    }));
    this.#standstill = new Standstill(clock, (forMs) => { this.#onStandstill(forMs); });
    this.#stops.push(() => { this.#standstill.stop(); });
    this.#begin();
  }

  /** Whether answers are whole. */
  get isReady(): boolean {
    this.#standstill.look();
    return this.#ready;
  }

  /** Calls `listener` with the events of each step until the returned function is called. */
  onEvents(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` whenever `isReady` changes. */
  onReady(listener: (ready: boolean) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#ending.abort();
    this.#pause();
    for (const stop of this.#stops.splice(0)) stop();
    return Promise.resolve();
  }

  /** A first round, or a new one after NATS was away. */
  #begin(): void {
    const { clock, roundMs, leaseMs } = this.#options;
    this.#pause();
    this.#began = clock.monotonicMs();
    this.roster.renewLeases(this.#began);
    this.#rounds = [
      clock.after(roundMs + EARLY_MS, () => { this.#checkReady(); }),
      clock.after(leaseMs + EARLY_MS, () => { this.#checkReady(); }),
    ];
    this.#schedule();
  }

  #pause(): void {
    for (const timer of [...this.#rounds, ...this.#retries.values()]) timer.cancel();
    for (const snapshot of this.#snapshots.values()) snapshot.cancel();
    this.#afterStandstill?.cancel();
    this.#rounds = [];
    this.#retries.clear();
    this.#snapshots.clear();
    this.#cancelStep();
    this.#setReady(false);
  }

  #onStandstill(forMs: number): void {
    const { bus, clock, log, leaseMs } = this.#options;
    log.warn({ forMs: Math.round(forMs) }, "this process stood still: it catches up before it answers");
    this.#held ??= new NetEvents();
    this.#stoodStillToMs = clock.monotonicMs();
    this.#setReady(false);
    // Else it begins anew when NATS is back.
    if (!bus.connected) return;
    this.#afterStandstill?.cancel();
    this.#afterStandstill = clock.after(leaseMs + EARLY_MS, () => { this.#checkReady(); });
    this.#readings += 1;
    this.#readWhatWaited()
      .catch((error: unknown) => { if (!this.#stopped) log.error({ err: error }, "what waited could not be read"); })
      .finally(() => {
        this.#readings -= 1;
        this.#checkReady();
      });
  }

  /** Goodbyes that waited are long past, and count all the same a moment after they are read: nobody is asked before that. */
  async #readWhatWaited(): Promise<void> {
    await this.#advance();
    await sleep(this.#options.clock, GOODBYE_MS, this.#ending.signal);
    await this.#advance();
  }

  #onHeartbeat(message: BusMessage): void {
    this.#standstill.look();
    const { subject } = message;
    const heartbeat = this.#heartbeats.read(message);
    if (!heartbeat) return;
    if (subject !== subjects.heartbeat(heartbeat.connector)) {
      this.#options.log.warn({ subject, connector: heartbeat.connector }, "a heartbeat came under another connector's subject");
      return;
    }
    this.#take(heartbeat.connector, this.roster.heartbeat(heartbeat, this.#options.clock.monotonicMs()));
  }

  #take(connector: string, { events, needsSnapshot }: Outcome): void {
    if (needsSnapshot) this.#requestSnapshot(connector);
    this.#emit(events);
    this.#schedule();
    this.#checkReady();
  }

  #requestSnapshot(connector: string): void {
    if (this.#stopped || this.#snapshots.has(connector) || this.#retries.has(connector)) return;
    const { bus, clock, log } = this.#options;
    try {
      const onEnd: ConstructorParameters<typeof SnapshotUnderWay>[0]["onEnd"] = (snapshot) => {
        this.#snapshots.delete(connector);
        if (snapshot) this.#take(connector, this.roster.snapshot(snapshot, clock.monotonicMs()));
        else this.#retryLater(connector);
      };
      this.#snapshots.set(connector, new SnapshotUnderWay({ bus, clock, log, connector, onEnd }));
    } catch (error) {
      log.warn({ err: error, connector }, "a presence snapshot could not be asked for");
    }
  }

  #retryLater(connector: string): void {
    const timer = this.#options.clock.after(SNAPSHOT_RETRY_MS, () => {
      this.#retries.delete(connector);
      if (this.roster.connectors().some((one) => one.connector === connector && !one.synced)) this.#requestSnapshot(connector);
    });
    this.#retries.set(connector, timer);
  }

  #schedule(): void {
    const { clock, bus } = this.#options;
    if (this.#stopped || this.#stepping || !bus.connected) return;
    const nowMs = clock.monotonicMs();
    const atMs = Math.max(nowMs + MIN_STEP_MS, this.roster.nextDeadlineMs());
    // One that comes in time stays: else heartbeats that come all the time would put it off for ever.
    if (this.#stepAtMs <= atMs) return;
    this.#cancelStep();
    this.#stepAtMs = atMs;
    this.#step = clock.after(atMs - nowMs, () => { this.#startStep(); });
  }

  #cancelStep(): void {
    this.#step?.cancel();
    this.#step = undefined;
    this.#stepAtMs = Infinity;
  }

  #startStep(): void {
    this.#cancelStep();
    this.#stepping = true;
    this.#advance()
      .catch((error: unknown) => { this.#options.log.error({ err: error }, "the roster could not be advanced"); })
      .finally(() => {
        this.#stepping = false;
        this.#schedule();
      });
  }

  /**
   * Nothing expires before NATS has answered: a deadline may have passed because this process stood still, or because its
   * connection is dead, and what was sent meanwhile is handled first.
   */
  async #advance(): Promise<void> {
    const { bus, clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    try {
      await bus.flush();
    } catch {
      return;
    }
    while (!this.#stopped && bus.connected) {
      const { events, lost } = this.roster.advance(nowMs, ENDED_TOGETHER);
      for (const connector of lost) log.warn({ connector }, "a connector was not heard for too long: its sessions are gone");
      this.#emit(events);
      if (this.roster.nextDeadlineMs() > nowMs) {
        this.#checkReady();
        return;
      }
      await nextTurn();
    }
  }

  #emit(events: readonly RosterEvent[]): void {
    if (events.length === 0) return;
    if (this.#held) {
      for (const event of events) {
        if ("channel" in event) this.#held.noteMember(event.channel, event.user, event.kind === "left");
        else this.#held.noteUser(event.user, event.kind === "offline");
      }
      return;
    }
    const atMs = this.#options.clock.nowMs();
    for (const listener of this.#listeners) listener(events, atMs);
  }

  #checkReady(): void {
    const { clock, roundMs, leaseMs, bus } = this.#options;
    if (this.#ready || this.#stopped || !bus.connected || this.#readings > 0) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#began < roundMs) return;
    const whole = this.roster.connectors().every(({ synced, heardAtMs }) => synced && heardAtMs >= this.#began);
    if (whole || nowMs - Math.max(this.#began, this.#stoodStillToMs) >= leaseMs) this.#setReady(true);
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    if (ready) this.#tellHeld();
    for (const listener of this.#readyListeners) listener(ready);
  }

  #tellHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    const { roster } = this;
    if (held) this.#emit(held.take((user) => roster.user(user).sessions > 0, (channel, user) => roster.isMember(channel, user)));
  }
}
