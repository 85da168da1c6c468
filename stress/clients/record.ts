import { performance } from "node:perf_hooks";
import type { ChannelLedger } from "../world/ledger.js";

/** A stretch of a channel within which a client was promised that nothing is missing. */
interface Stretch {
  /** Everything above this offset, until the stretch ends. */
  readonly from: number;
  readonly epoch: string;
  /** The newest offset that was handled. */
  newest: number;
}

/** The client was told that something may be missing. */
interface Loss {
  readonly reason: string;
  /** The newest offset that it had handled. */
  readonly after: number;
  readonly epoch: string;
  readonly toldAtMs: number;
}

/** What one client was given of one channel, and what it was told. */
export class ChannelRecord {
  readonly channel: string;
  /** By offset, the number of the message. Of the newest epoch. */
  readonly received = new Map<number, number>();
  /** What was wrong when it came: twice, out of order, of nobody. */
  readonly faults: string[] = [];
  /** Honest news that something may be missing: the reasons of resets, `unrecovered` for a verdict. */
  readonly breaks: string[] = [];
  readonly #losses: Loss[] = [];
  #stretches: Stretch[] = [];
  /** Of each publisher's numbers, the highest that was sealed. */
  readonly #sealed = new Map<number, number>();
  #sealedCount = 0;
  /** So many of the acknowledged, in their order, are known to have come, or not to be promised. */
  #settled = 0;

  constructor(channel: string) {
    this.channel = channel;
  }

  /** How many publications came. */
  get count(): number {
    return this.#sealedCount + this.received.size;
  }

  /**
   * Forgets what came so far, so that a long run's memory is bounded. Only while nothing is under way: what comes later with
   * a number from before is a fault.
   */
  seal(): void {
    for (const number of this.received.values()) this.#sealed.set(publisherOf(number), Math.max(number, this.#sealed.get(publisherOf(number)) ?? 0));
    this.#sealedCount += this.received.size;
    this.received.clear();
    const present = this.#stretches.at(-1);
    this.#stretches = present ? [{ ...present, from: present.newest }] : [];
    this.#settled = 0;
    this.faults.length = 0;
    this.breaks.length = 0;
    this.#losses.length = 0;
  }

  /** A subscription stands at a position, or goes on after one. */
  subscribed(recovered: boolean, position: { readonly offset: number; readonly epoch: string }, brought: { readonly offset: number; readonly epoch: string } | undefined): void {
    const present = this.#stretches.at(-1);
    if (brought && recovered) {
      if (present && present.epoch !== position.epoch) this.faults.push(`recovered from the epoch ${present.epoch} into ${position.epoch}`);
      return;
    }
    if (brought) this.#lose("unrecovered");
    this.#begin(position);
  }

  /** Continuity is lost; it goes on at a position. */
  reset(reason: string, position: { readonly offset: number; readonly epoch: string }): void {
    this.#lose(reason);
    this.#begin(position);
  }

  /** A publication that the client had not handled. */
  take(offset: number, number: number): void {
    const present = this.#stretches.at(-1);
    if (!present) this.faults.push(`${String(offset)} came before the subscription`);
    else {
      if (offset <= present.newest) this.faults.push(`${String(offset)} came after ${String(present.newest)}`);
      present.newest = Math.max(present.newest, offset);
    }
    if (this.received.has(offset)) this.faults.push(`${String(offset)} came twice`);
    if (number <= (this.#sealed.get(publisherOf(number)) ?? 0)) this.faults.push(`${String(offset)} brought the message ${String(number)}, which had come long ago`);
    this.received.set(offset, number);
  }

  /** Whether everything acknowledged above the newest promise has come. Asked again and again, it looks only at what is new. */
  isComplete(ledger: ChannelLedger): boolean {
    const offsets = ledger.offsetsIn(this.#epoch);
    for (; this.#settled < offsets.length; this.#settled++) {
      const offset = offsets[this.#settled] ?? 0;
      if (this.#isPromised(offset) && !this.received.has(offset)) return false;
    }
    return true;
  }

  /** Offsets of what was acknowledged and promised, and has not come. */
  missing(ledger: ChannelLedger): number[] {
    const missing: number[] = [];
    for (const offset of this.#storedBy(ledger).keys()) if (this.#isPromised(offset) && !this.received.has(offset)) missing.push(offset);
    return missing;
  }

  /** Everything that is wrong with it, now that nothing more is on its way. */
  check(ledger: ChannelLedger): string[] {
    const faults = [...this.faults];
    for (const [offset, number] of this.received) {
      const stored = this.#storedBy(ledger).get(offset);
      if (stored === undefined && !ledger.begunAtMs.has(number)) faults.push(`${String(offset)} came as ${String(number)}, which nobody has published`);
      if (stored !== undefined && stored !== number) faults.push(`${String(offset)} came as ${String(number)}, it was acknowledged as ${String(stored)}`);
    }
    const copies = this.received.size - new Set(this.received.values()).size;
    if (copies > 0) faults.push(`${String(copies)} messages came as two, under different offsets`);
    const missing = this.missing(ledger);
    if (missing.length > 0) faults.push(`${String(missing.length)} acknowledged messages never came: ${missing.slice(0, 5).join(", ")}…`);
    return faults.map((fault) => `${this.channel}: ${fault}`);
  }

  /**
   * News of a loss for which there was no reason, in a channel whose history keeps its last `kept` messages: fewer had been sent
   * since what the client had (with just so many, what is left doesn't tell whether there were more). Only while nothing is under way.
   */
  unfounded(ledger: ChannelLedger, kept: number): string[] {
    return this.#losses.flatMap(({ reason, after, epoch, toldAtMs }) => {
      const since = [...ledger.storedIn(epoch)].filter(([offset, number]) => offset > after && (ledger.begunAtMs.get(number) ?? 0) <= toldAtMs).length;
      return since >= kept ? [] : [`${this.channel}: told of a loss (${reason}) though only ${String(since)} messages came since ${String(after)}`];
    });
  }

  /** The first acknowledged message that was promised and never came. */
  firstMissing(ledger: ChannelLedger): number | undefined {
    const missing = this.missing(ledger);
    return missing.length === 0 ? undefined : Math.min(...missing);
  }

  #lose(reason: string): void {
    this.breaks.push(reason);
    const present = this.#stretches.at(-1);
    if (present) this.#losses.push({ reason, after: present.newest, epoch: present.epoch, toldAtMs: performance.now() });
  }

  #begin({ offset, epoch }: { readonly offset: number; readonly epoch: string }): void {
    // Another history counts anew.
    if (this.#stretches.at(-1)?.epoch !== epoch) {
      this.received.clear();
      this.#stretches = [];
    }
    this.#stretches.push({ from: offset, epoch, newest: offset });
    this.#settled = 0;
  }

  #storedBy(ledger: ChannelLedger): ReadonlyMap<number, number> {
    return ledger.storedIn(this.#epoch);
  }

  get #epoch(): string {
    return this.#stretches.at(-1)?.epoch ?? "";
  }

  /** Inside a stretch that ended, up to what was handled of it; in the present one, everything above its start. */
  #isPromised(offset: number): boolean {
    return this.#stretches.some(({ from, newest }, index) => offset > from && (index === this.#stretches.length - 1 || offset <= newest));
  }
}

/** Every publisher counts up in a range of its own. */
const NUMBERS_EACH = 10_000_000;

function publisherOf(number: number): number {
  return Math.floor(number / NUMBERS_EACH);
}
