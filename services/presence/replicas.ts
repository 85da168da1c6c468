import type { Bus, BusMessage } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import type { Clock } from "../../lib/clock.js";
import type { Running } from "../../lib/lifecycle.js";

/** A replica tells the others that it is there this often. */
const BEAT_MS = 1_000;
/** One unheard for this long is gone. */
const GONE_MS = 3_000;
/** Others beyond this are not heard. */
const MAX_REPLICAS = 256;

type State = "starting" | "ready" | "leaving";

/** What a replica works with. */
export interface ReplicaOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** One token of a subject, unique among the replicas. */
  readonly id: string;
  readonly isReady: () => boolean;
}

/**
 * Knows the other presence replicas, by a small beat a second. The ready one with the lowest id leads: it does what needs
 * doing once. For up to 3 s after one has gone nobody may lead, and after one has come two may: what the leader does must
 * bear that.
 */
export class Replicas implements Running {
  readonly #options: ReplicaOptions;
  readonly #heardAtMs = new Map<string, number>();
  readonly #stops: (() => void)[] = [];

  constructor(options: ReplicaOptions) {
    const { bus, clock } = options;
    this.#options = options;
    const subscription = bus.subscribe(subjects.replicaAll, (message) => { this.#onBeat(message); });
    const beats = clock.every(BEAT_MS, () => { this.#beat(options.isReady() ? "ready" : "starting"); });
    this.#stops.push(() => { subscription.unsubscribe(); }, () => { beats.cancel(); });
  }

  /** Whether this replica is the ready one with the lowest id. */
  get isLeader(): boolean {
    const { clock, id, isReady } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [other, heardAtMs] of this.#heardAtMs) if (nowMs - heardAtMs > GONE_MS) this.#heardAtMs.delete(other);
    return isReady() && [...this.#heardAtMs.keys()].every((other) => other > id);
  }

  /** Tells the others that it goes. Idempotent. */
  stop(): Promise<void> {
    if (this.#stops.length > 0) this.#beat("leaving");
    for (const stop of this.#stops.splice(0)) stop();
    return Promise.resolve();
  }

  #beat(state: State): void {
    const { bus, id } = this.#options;
    if (bus.connected) bus.publish(subjects.replica(id), Buffer.from(state));
  }

  #onBeat({ subject, data }: BusMessage): void {
    const { clock, id } = this.#options;
    const other = subject.slice(subjects.replica("").length);
    if (other === id) return;
    if (Buffer.from(data).toString("utf8") !== "ready") this.#heardAtMs.delete(other);
    else if (this.#heardAtMs.has(other) || this.#heardAtMs.size < MAX_REPLICAS) this.#heardAtMs.set(other, clock.monotonicMs());
  }
}
