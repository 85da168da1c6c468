/** What was published on one channel and acknowledged: the truth that clients are held against. */
export class ChannelLedger {
  /** By offset, the number of the message. */
  readonly stored = new Map<number, number>();
  /** Numbers whose answer never came: they may be stored, or not. */
  readonly unknown = new Set<number>();
  #newest = 0;

  /** The highest acknowledged offset. */
  get newest(): number {
    return this.#newest;
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
    for (const { stored } of this.#channels.values()) sum += stored.size;
    return sum;
  }
}
