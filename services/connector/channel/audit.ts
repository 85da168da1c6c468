import type { History } from "../../../lib/bus/history.js";
import { MOST_SUBJECTS } from "../../../lib/bus/lastOfMany.js";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import { type Clock, sleep, type Timer } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Log } from "../../../lib/log.js";
import type { NamespaceProofs } from "./namespaceProofs.js";
import type { Standing } from "./standing.js";

const AUDIT_MS = 10_000;
/** After a failed audit, and the least time between two. */
const RETRY_MS = 1_000;
/** A replica that lags is asked again, or another one is, so often and after so long. */
const LAG_TRIES = 5;
const LAG_MS = 200;
/** What an answer names may be on its way to us still: a hole is one only after this long. */
const ARRIVAL_MS = 250;

/** A channel, as its audit sees it. */
export interface AuditedChannel {
  /** The subject under which it is stored. */
  readonly subject: string;
  readonly standing: Standing;
  /** The stream holds this message of the channel: if it was not seen, it is read. */
  expect(sequence: number): void;
  /** Look what the leader has. */
  resync(): void;
}

/** What an audit needs of its namespace. */
export interface AuditParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly history: Pick<History, "stream" | "lastOfMany"> & { infoAfterNow(): Promise<Pick<StreamInfo, "firstSequence">> };
  readonly proofs: NamespaceProofs;
  readonly channels: () => Iterable<AuditedChannel>;
  /** Looks which history it is; rejects when that can't be known. Tells whether an audit is needed, and possible. */
  readonly refresh: () => Promise<boolean>;
  /** Names the present history. */
  readonly epoch: () => string;
  /** The subject of the namespace's ticks. */
  readonly tickSubject: string;
  /** A tick that is stored, and newer than a few seconds. */
  readonly recentTick: () => Promise<number>;
}

/**
 * Looks every 10 s whether the stream is still the history that this connector follows: it may have been made again,
 * restored or rolled back. Where messages can be lost on their way without a trace (routes of a cluster), it also compares
 * what the stream holds of every channel with what was seen; what is missing is read.
 */
export class Audit {
  readonly #parts: AuditParts;
  #timer: Timer | undefined;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(AUDIT_MS);
  }

  /** Something happened in which messages may have been lost: audits now, or once more after the one that runs. */
  hurry(): void {
    this.#isWanted = true;
    if (!this.#isRunning && this.#timer) this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#run().catch((error: unknown) => { this.#parts.log.error({ err: error }, "an audit ended in a fault"); });
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#isWanted = false;
    let nextMs = AUDIT_MS;
    try {
      await this.#audit();
    } catch (error) {
      nextMs = RETRY_MS;
      this.#parts.log.warn({ err: error }, "the audit of a stream failed; it is tried again");
    } finally {
      this.#isRunning = false;
      this.#schedule(this.#wasHurried() ? RETRY_MS : nextMs);
    }
  }

  /** As a call, because it may have happened during any await. */
  #wasHurried(): boolean {
    return this.#isWanted;
  }

  async #audit(): Promise<void> {
    const { proofs, channels, refresh, epoch, recentTick } = this.#parts;
    if (!(await refresh())) return;
    const audited = epoch();
    const serial = proofs.begin();
    const all = [...channels()];
    const tick = await recentTick();
    for (let at = 0; at < all.length; at += BATCH) await this.#compare(all.slice(at, at + BATCH), { tick, audited });
    if (epoch() === audited) proofs.complete(serial, tick);
  }

  async #compare(channels: readonly AuditedChannel[], { tick, audited }: { readonly tick: number; readonly audited: string }): Promise<void> {
    const { clock, log, history } = this.#parts;
    const { newest, unreadable } = await this.#ask(channels, tick);
    const { firstSequence } = await history.infoAfterNow();
    for (const channel of channels) {
      if (newest.has(channel.subject)) continue;
      // Nothing is there: was it never, or is it gone again?
      if (unreadable > 0 || firstSequence > channel.standing.proven + 1) channel.resync();
    }
    // One that has begun anew meanwhile is in another history, where these numbers would be waited for in vain.
    const isBehind = ({ subject, standing }: AuditedChannel): boolean => standing.epoch === audited && standing.last < (newest.get(subject) ?? 0);
    const suspects = channels.filter(isBehind);
    if (suspects.length === 0) return;
    await sleep(clock, ARRIVAL_MS);
    const behind = suspects.filter(isBehind);
    if (behind.length > 0) log.warn({ channels: behind.length }, "messages were lost on their way from NATS; they are read from the stream");
    for (const channel of behind) channel.expect(newest.get(channel.subject) ?? 0);
  }

  /** What a replica has that has seen the tick. */
  async #ask(channels: readonly AuditedChannel[], tick: number): Promise<{ readonly newest: ReadonlyMap<string, number>; readonly unreadable: number }> {
    const { history, tickSubject, clock } = this.#parts;
    // The tick is always in the answer, so that an empty answer says that the replica lags.
    const subjects = [...channels.map(({ subject }) => subject), tickSubject];
    const from = Math.min(tick, ...channels.map(({ standing }) => standing.proven + 1));
    for (let tries = 1; ; tries++) {
      const answer = await history.lastOfMany({ subjects, from });
      if (answer.upTo >= tick) return answer;
      if (tries === LAG_TRIES) throw RpcError.natsUnavailable(`a replica of ${history.stream} lags: it ends at ${String(answer.upTo)}, a tick was stored at ${String(tick)}`);
      await sleep(clock, LAG_MS);
    }
  }
}

/** Channels of one question; the tick is one more. */
const BATCH = MOST_SUBJECTS - 1;
