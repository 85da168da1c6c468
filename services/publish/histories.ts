import type { Bus } from "../../lib/bus/bus.js";
import { raiseGeneration } from "../../lib/bus/ensureStreams.js";
import { epochOf, fetchStreamInfo } from "../../lib/bus/streamInfo.js";
import { streamOf } from "../../lib/bus/subjects.js";
import type { Clock, Timer } from "../../lib/clock.js";
import type { Namespaces } from "../../lib/config/namespaces.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { Log } from "../../lib/log.js";

/** How often the epochs are read again: this long an answer may name an epoch that is over, which proves nothing to anybody. */
const REFRESH_MS = 10_000;
/** An epoch is raised at most once in this time, however many ask for it. */
const RAISE_EVERY_MS = 10_000;

interface HistoryState {
  epoch: string;
  /** The highest sequence that JetStream has acknowledged to us in this history. */
  acknowledged: number;
  raisedAtMs: number;
}

/** What the histories need. */
export interface HistoriesOptions {
  readonly bus: Bus;
  readonly namespaces: Namespaces;
  readonly log: Log;
  readonly clock: Clock;
}

/** The epochs of all namespaces with history; the only one that raises them. */
export class Histories {
  readonly #options: HistoriesOptions;
  readonly #states = new Map<string, HistoryState>();
  readonly #timer: Timer;
  #refreshing: Promise<void> | undefined;

  constructor(options: HistoriesOptions) {
    this.#options = options;
    this.#timer = options.clock.every(REFRESH_MS, () => { this.#refreshSoon(); });
  }

  /** Reads every epoch. Throws NATS_UNAVAILABLE. */
  async refresh(): Promise<void> {
    for (const { name, history } of this.#options.namespaces.all) if (history) await this.#refreshOne(name);
  }

  /** The epoch of a namespace with history. Throws NOT_READY before the first refresh. */
  epochOf(namespace: string): string {
    const state = this.#states.get(namespace);
    if (!state) throw new RpcError("NOT_READY", `the history of '${namespace}' is not known yet`, { retryAfterMs: 1_000 });
    return state.epoch;
  }

  /** Notes the sequence of a newly stored message. One that is not above the last means another history: it is read again at once. */
  noteStored(namespace: string, sequence: number): void {
    const state = this.#states.get(namespace);
    if (!state) return;
    if (sequence < state.acknowledged) this.#refreshSoon();
    else state.acknowledged = sequence;
  }

  /**
   * Raises the epoch because somebody has seen that `disproved` no longer names what the stream holds; gives the epoch that
   * holds now. Does nothing where the epoch is another one already, or was raised less than 10 s ago.
   */
  async raise(namespace: string, disproved: string): Promise<string> {
    await this.#refreshOne(namespace);
    const state = this.#states.get(namespace);
    const nowMs = this.#options.clock.monotonicMs();
    if (!state) throw new RpcError("UNKNOWN_NAMESPACE", `'${namespace}' has no history`);
    if ((disproved !== "" && disproved !== state.epoch) || nowMs - state.raisedAtMs < RAISE_EVERY_MS) return state.epoch;
    state.raisedAtMs = nowMs;
    state.epoch = epochOf(await raiseGeneration(this.#options.bus, namespace));
    this.#options.log.warn({ namespace, epoch: state.epoch }, "raised the epoch: positions from before prove nothing any more");
    return state.epoch;
  }

  /** Ends the refreshing. */
  stop(): void {
    this.#timer.cancel();
  }

  async #refreshOne(namespace: string): Promise<void> {
    if (!this.#options.namespaces.byName(namespace)?.history) return;
    const acknowledgedBefore = this.#states.get(namespace)?.acknowledged ?? 0;
    const { epoch, lastSequence } = await fetchStreamInfo(this.#options.bus, streamOf(namespace));
    const state = this.#states.get(namespace);
    if (state?.epoch !== epoch) {
      this.#states.set(namespace, { epoch, acknowledged: lastSequence, raisedAtMs: state?.raisedAtMs ?? -Infinity });
    } else if (lastSequence < acknowledgedBefore) {
      // Acknowledged before we asked, and the leader does not have it: the stream was rolled back under the same name.
      state.acknowledged = lastSequence;
      await this.raise(namespace, epoch);
    }
  }

  #refreshSoon(): void {
    this.#refreshing ??= this.refresh()
      .catch((error: unknown) => { this.#options.log.warn({ err: error }, "the epochs could not be read"); })
      .finally(() => { this.#refreshing = undefined; });
  }
}
