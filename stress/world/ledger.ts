import { performance } from "node:perf_hooks";
import { namespaceOf } from "../../lib/channel/channelName.js";

/** Whether nothing of a channel is stored, in the namespaces of every world. */
export function isWithoutHistory(channel: string): boolean {
  return namespaceOf(channel) === "live";
}

/** What was published on one channel and acknowledged: the truth that clients are held against. */
export class ChannelLedger {
  /** By offset, the number of the message. */
  readonly stored = new Map<number, number>();
  /** Numbers whose answer never came: they may be stored, or not. */
  readonly unknown = new Set<number>();
  /** Where nothing is stored: the numbers that were acknowledged, in order. Such a channel has one publisher, which counts up. */
  readonly sent: number[] = [];
  /** By number, when it was sent for the first time, by the clock of performance. */
  readonly begunAtMs = new Map<number, number>();
  #newest = 0;
  #newestBegun = 0;

  /** The highest acknowledged offset. */
  get newest(): number {
    return this.#newest;
  }

  /** The highest number that was sent, acknowledged or not. */
  get newestBegun(): number {
    return this.#newestBegun;
  }

  /** A message is on its way. */
  begin(number: number): void {
    this.unknown.add(number);
    this.begunAtMs.set(number, performance.now());
    this.#newestBegun = Math.max(this.#newestBegun, number);
  }

  /** An acknowledgement where nothing is stored. */
  acknowledgeSent(number: number): void {
    this.unknown.delete(number);
    this.sent.push(number);
  }

  /** An acknowledgement. Gives what is wrong with it. */
  acknowledge(offset: number, number: number): string | undefined {
    const before = this.stored.get(offset);
    this.unknown.delete(number);
    if (before !== undefined && before !== number) return `offset ${String(offset)} was acknowledged for ${String(before)} and for ${String(number)}`;
    this.stored.set(offset, number);
    this.#newest = Math.max(this.#newest, offset);
    return undefined;
  }
}

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

  /** All acknowledged messages. */
  get messages(): number {
    let sum = 0;
    for (const { stored, sent } of this.#channels.values()) sum += stored.size + sent.length;
    return sum;
  }
}
