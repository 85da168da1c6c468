import type { Bus } from "../../lib/bus/bus.js";
import { fetchMessage } from "../../lib/bus/fetchMessage.js";
import { raiseGeneration } from "../../lib/bus/ensureStreams.js";
import { assertReached, endsBefore } from "../../lib/bus/replacedLeader.js";
import { fetchStreamInfo, isOlderState, type StreamInfo } from "../../lib/bus/streamInfo.js";
import { header, streamOf } from "../../lib/bus/subjects.js";
import { storeTick } from "../../lib/bus/tick.js";
import type { Clock, Timer } from "../../lib/clock.js";
import type { Namespaces } from "../../lib/config/namespaces.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { Log } from "../../lib/log.js";

/**
 * How often the epochs are read again: so long an answer may name an epoch that is over, where the stream that was made again is longer
 * already than the one before. Such a position proves nothing to anybody.
 */
const REFRESH_MS = 10_000;
/** An epoch is raised at most once in this time, however many ask for it. */
const RAISE_EVERY_MS = 10_000;

/** A message that JetStream has acknowledged to us. */
interface Acknowledged {
  readonly sequence: number;
  readonly messageId: string;
}

interface HistoryState {
  readonly info: StreamInfo;
  /** The one with the highest sequence. */
  highest: Acknowledged;
  /** What was the highest when a later message was given a sequence not above it: either must prove to be still there. */
  doubted?: Acknowledged | undefined;
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
  readonly #raisedAtMs = new Map<string, number>();
  readonly #raising = new Map<string, Promise<string>>();
  readonly #timer: Timer;
  /** The last refresh that was begun. */
  #refreshing: Promise<void> = Promise.resolve();
  /** The one that begins when that is over. */
  #next: Promise<void> | undefined;

  constructor(options: HistoriesOptions) {
    this.#options = options;
    this.#timer = options.clock.every(REFRESH_MS, () => { void this.#refreshAfterNow(); });
  }

  /** Reads every epoch. Throws NATS_UNAVAILABLE. */
  async refresh(): Promise<void> {
    for (const { name, history } of this.#options.namespaces.all) if (history) await this.#refreshOne(name);
  }

  /** The epoch of a namespace with history. Throws NOT_READY before the first refresh. */
  epochOf(namespace: string): string {
    const state = this.#states.get(namespace);
    if (!state) throw new RpcError("NOT_READY", `the history of '${namespace}' is not known yet`, { retryAfterMs: 1_000 });
    return state.info.epoch;
  }

  /**
   * Notes a newly stored message. A sequence that is not above the highest may be that of an older state of the stream that was brought
   * back, or of one made again: it is looked into at once, and the epoch is not known before the promise that is given resolves. It
   * never rejects.
   */
  noteStored(namespace: string, stored: Acknowledged): Promise<void> | undefined {
    const state = this.#states.get(namespace);
    if (!state) return undefined;
    if (stored.sequence > state.highest.sequence) {
      state.highest = stored;
      return undefined;
    }
    state.doubted ??= state.highest;
    return this.#refreshAfterNow();
  }

  /**
   * Raises the epoch because somebody has seen that `disproved` ("": whichever it is) no longer names what the stream holds;
   * gives the epoch that holds now. Does nothing where the epoch is another one already, or was raised less than 10 s ago.
   */
  async raise(namespace: string, disproved: string): Promise<string> {
    if (!this.#options.namespaces.byName(namespace)?.history) throw new RpcError("UNKNOWN_NAMESPACE", `'${namespace}' has no history`);
    const underWay = this.#raising.get(namespace);
    if (underWay) return underWay;
    const raising = this.#raiseNow(namespace, disproved).finally(() => this.#raising.delete(namespace));
    this.#raising.set(namespace, raising);
    return raising;
  }

  /** Ends the refreshing. */
  stop(): void {
    this.#timer.cancel();
  }

  async #raiseNow(namespace: string, disproved: string): Promise<string> {
    const { bus, clock, log } = this.#options;
    const { epoch, lastSequence } = await fetchStreamInfo(bus, streamOf(namespace));
    const nowMs = clock.monotonicMs();
    const isRecent = nowMs - (this.#raisedAtMs.get(namespace) ?? -Infinity) < RAISE_EVERY_MS;
    if (isRecent || (disproved !== "" && disproved !== epoch)) return epoch;
    this.#raisedAtMs.set(namespace, nowMs);
    const raised = await raiseGeneration(bus, namespace, epoch, clock.nowMs());
    this.#states.set(namespace, { info: raised, highest: { sequence: lastSequence, messageId: "" } });
    log.warn({ namespace, epoch: raised.epoch }, "raised the epoch: positions from before prove nothing any more");
    return raised.epoch;
  }

  async #refreshOne(namespace: string): Promise<void> {
    const before = this.#states.get(namespace);
    const acknowledged = before?.highest.sequence ?? 0;
    const info = await this.#ask(namespace, before?.info);
    const { epoch, lastSequence } = info;
    // An epoch that holds again names what came after the back-up was made, too, and that is gone. Until it is raised, it is not taken.
    if (before && isOlderState(info, before.info)) await this.raise(namespace, epoch);
    else if (before?.info.epoch !== epoch) this.#states.set(namespace, { info, highest: { sequence: lastSequence, messageId: "" } });
    // Acknowledged before we asked, and the leader doesn't have it, or has another one there: an older state was brought back.
    else if ((await endsBefore(info, acknowledged, () => storeTick(this.#options.bus, namespace))) || !(await this.#isStored(namespace, before.doubted))) await this.raise(namespace, epoch);
    else before.doubted = undefined;
  }

  /** The stream by its leader; where it looks older than `known`, not by one that was replaced while it was frozen. */
  async #ask(namespace: string, known: StreamInfo | undefined): Promise<StreamInfo> {
    const { bus } = this.#options;
    const info = await fetchStreamInfo(bus, streamOf(namespace));
    if (!known || !info.clustered || !isOlderState(info, known)) return info;
    const fence = await storeTick(bus, namespace);
    const again = await fetchStreamInfo(bus, streamOf(namespace));
    assertReached(again, fence);
    return again;
  }

  /** False where another message is stored in its place. */
  async #isStored(namespace: string, doubted: Acknowledged | undefined): Promise<boolean> {
    if (!doubted || doubted.messageId === "") return true;
    const found = await fetchMessage(this.#options.bus, streamOf(namespace), doubted.sequence);
    return !found || found.headers.last(header.messageId) === doubted.messageId;
  }

  /** Reads the epochs after this call: a refresh that is under way may have read them before. */
  #refreshAfterNow(): Promise<void> {
    this.#next ??= this.#refreshing.then(() => {
      this.#next = undefined;
      this.#refreshing = this.refresh().catch((error: unknown) => { this.#options.log.warn({ err: error }, "the epochs could not be read"); });
      return this.#refreshing;
    });
    return this.#next;
  }
}
