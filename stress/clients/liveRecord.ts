import type { ChannelLedger } from "../world/ledger.js";
import type { Position } from "./protocol.js";

/** A stretch of a channel without history within which a client was promised that nothing is missing. */
interface LiveStretch {
  readonly epoch: string;
  /** The newest number that had been sent when it began: what was sent later must come. */
  readonly sentBefore: number;
  /** Offsets of such channels have no holes. */
  newest: number;
  readonly numbers: number[];
}

/** What one client was given of a channel without history, and what it was told. */
export class LiveRecord {
  readonly channel: string;
  /** What was wrong when it came. */
  readonly faults: string[] = [];
  /** Honest news that something may be missing: the reasons of resets, `unrecovered` for a verdict. */
  readonly breaks: string[] = [];
  readonly #ledger: ChannelLedger;
  #stretches: LiveStretch[] = [];
  #sealedCount = 0;

  constructor(channel: string, ledger: ChannelLedger) {
    this.channel = channel;
    this.#ledger = ledger;
  }

  /** How many publications came. */
  get count(): number {
    return this.#stretches.reduce((sum, { numbers }) => sum + numbers.length, this.#sealedCount);
  }

  /** The number of the newest publication; 0 before the first. */
  get newest(): number {
    return this.#stretches.at(-1)?.numbers.at(-1) ?? 0;
  }

  /** Forgets what came so far; what was sent so far is asked for no more. */
  seal(): void {
    this.#sealedCount = this.count;
    const present = this.#stretches.at(-1);
    this.#stretches = present ? [{ ...present, sentBefore: this.#ledger.newestBegun, numbers: [] }] : [];
    this.faults.length = 0;
    this.breaks.length = 0;
  }

  /** A subscription stands at a position, or goes on after one. */
  subscribed(recovered: boolean, position: Position, brought: Position | undefined): void {
    const present = this.#stretches.at(-1);
    if (brought && recovered) {
      if (present && present.epoch !== position.epoch) this.faults.push(`recovered from the epoch ${present.epoch} into ${position.epoch}`);
      return;
    }
    if (brought) this.breaks.push("unrecovered");
    this.#begin(position);
  }

  /** Continuity is lost; it goes on at a position. */
  reset(reason: string, position: Position): void {
    this.breaks.push(reason);
    this.#begin(position);
  }

  /** A publication. */
  take(offset: number, number: number): void {
    const present = this.#stretches.at(-1);
    if (!present) {
      this.faults.push(`${String(offset)} came before the subscription`);
      return;
    }
    if (offset !== present.newest + 1) this.faults.push(`${String(offset)} came after ${String(present.newest)}`);
    if (number <= (present.numbers.at(-1) ?? 0)) this.faults.push(`message ${String(number)} came after ${String(present.numbers.at(-1))}`);
    present.newest = offset;
    present.numbers.push(number);
  }

  /** Whether everything that was sent since the newest promise has come. */
  isComplete(): boolean {
    return this.#missing().length === 0;
  }

  /** Everything that is wrong with it, now that nothing more is on its way. */
  check(): string[] {
    const faults = [...this.faults];
    const missing = this.#missing();
    if (missing.length > 0) faults.push(`${String(missing.length)} messages never came, within a promise: ${missing.slice(0, 5).join(", ")}…`);
    return faults.map((fault) => `${this.channel}: ${fault}`);
  }

  #begin({ offset, epoch }: Position): void {
    this.#stretches.push({ epoch, sentBefore: this.#ledger.newestBegun, newest: offset, numbers: [] });
  }

  /** In the present stretch everything sent since it began or since its first message, in earlier ones up to their last. */
  #missing(): number[] {
    return this.#stretches.flatMap(({ sentBefore, numbers }, index) => {
      const isPresent = index === this.#stretches.length - 1;
      const above = Math.min(sentBefore, (numbers[0] ?? Infinity) - 1);
      const upTo = isPresent ? Infinity : (numbers.at(-1) ?? 0);
      const came = new Set(numbers);
      return this.#ledger.sent.filter((number) => number > above && number <= upTo && !came.has(number));
    });
  }
}
