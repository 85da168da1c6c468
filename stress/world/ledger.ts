import { performance } from "node:perf_hooks";
import { namespaceOf } from "../../lib/channel/channelName.js";

/** Whether nothing of a channel is stored, in the namespaces of every world. */
export function isWithoutHistory(channel: string): boolean {
  return namespaceOf(channel) === "live";
}

/** What was published on one channel and acknowledged: the truth that clients are held against. */
export class ChannelLedger {
  /** By epoch and offset, the number of the message. */
  readonly #stored = new Map<string, Map<number, number>>();
  /** By epoch, the offsets in the order of their acknowledgements. */
  readonly #offsets = new Map<string, number[]>();
  /** Where nothing is stored: the numbers that were acknowledged, in order. Such a channel has one publisher, which counts up. */
  readonly sent: number[] = [];
  /** By number, when it was sent for the first time, by the clock of performance. */
  readonly begunAtMs = new Map<number, number>();
  #newestBegun = 0;
  #sealedCount = 0;

  /** How many were acknowledged. */
  get size(): number {
    let sum = this.#sealedCount;
    for (const { size } of this.#stored.values()) sum += size;
    return sum;
  }

  /** Forgets what everybody has, and keeps the count of it. */
  seal(): void {
    this.#sealedCount = this.size + this.sent.length;
    this.#stored.clear();
    this.#offsets.clear();
    this.sent.length = 0;
    this.begunAtMs.clear();
  }

  /** What was acknowledged in one history: by offset, the number of the message. */
  storedIn(epoch: string): ReadonlyMap<number, number> {
    return this.#stored.get(epoch) ?? NOTHING;
  }

  /** What was acknowledged in one history: the offsets, in the order of their acknowledgements. Only grows. */
  offsetsIn(epoch: string): readonly number[] {
    return this.#offsets.get(epoch) ?? [];
  }

  /** Everything that was acknowledged, in every history: offset and number. */
  *everything(): Generator<readonly [number, number]> {
    for (const stored of this.#stored.values()) yield* stored;
  }

  /** The highest number that was sent, acknowledged or not. */
  get newestBegun(): number {
    return this.#newestBegun;
  }

  /** A message is on its way. */
  begin(number: number): void {
    this.begunAtMs.set(number, performance.now());
    this.#newestBegun = Math.max(this.#newestBegun, number);
  }

  /** An acknowledgement where nothing is stored. */
  acknowledgeSent(number: number): void {
    this.sent.push(number);
  }

  /** An acknowledgement. Gives what is wrong with it. */
  acknowledge({ offset, epoch }: { readonly offset: number; readonly epoch: string }, number: number): string | undefined {
    const stored = this.#stored.get(epoch) ?? new Map<number, number>();
    this.#stored.set(epoch, stored);
    const before = stored.get(offset);
    if (before !== undefined && before !== number) return `offset ${String(offset)} was acknowledged for ${String(before)} and for ${String(number)}`;
    stored.set(offset, number);
    if (before === undefined) this.#addOffset(epoch, offset);
    return undefined;
  }

  #addOffset(epoch: string, offset: number): void {
    const offsets = this.#offsets.get(epoch);
    if (offsets) offsets.push(offset);
    else this.#offsets.set(epoch, [offset]);
  }
}

const NOTHING: ReadonlyMap<number, number> = new Map();

/** The ledgers of all channels. */
export class Ledger {
  readonly #channels = new Map<string, ChannelLedger>();

  of(channel: string): ChannelLedger {
    let found = this.#channels.get(channel);
    if (!found) {
      found = new ChannelLedger();
      this.#channels.set(channel, found);
    }
    return found;
  }

  /** Forgets, of all channels, what everybody has. */
  seal(): void {
    for (const channel of this.#channels.values()) channel.seal();
  }

  /** The channels, by name. */
  get channels(): ReadonlyMap<string, ChannelLedger> {
    return this.#channels;
  }

  /** All acknowledged messages. */
  get messages(): number {
    let sum = 0;
    for (const { size, sent } of this.#channels.values()) sum += size + sent.length;
    return sum;
  }
}
