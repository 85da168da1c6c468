import type { WirePosition, WirePublication, WireSubscribed } from "./wireFrame.js";

/** Where a subscriber stands in one channel, and what of that which comes it doesn't have already. */
export class ChannelPlace {
  readonly channel: string;
  #position: WirePosition | undefined;
  #live = false;

  /** `position`: where to begin; undefined: from now on. */
  constructor(channel: string, position: WirePosition | undefined) {
    this.channel = channel;
    this.#position = position;
  }

  /** Everything up to here was taken. */
  get position(): WirePosition | undefined {
    return this.#position;
  }

  /** The connection is gone: until the next answer, nothing that comes belongs to the subscription. */
  cut(): void {
    this.#live = false;
  }

  /** The subscription stands. Gives what was missed: without what this one has, where that is of the same history. */
  begin({ position, recovered, publications }: WireSubscribed): WirePublication[] {
    const had = this.#position?.epoch === position.epoch ? this.#position.offset : -Infinity;
    this.#live = true;
    this.#position = recovered ? { ...position, offset: Math.max(had, position.offset) } : position;
    return publications.filter(({ offset }) => offset > had).map((publication) => ({ ...publication, channel: this.channel }));
  }

  /** Whether a publication is news; it is taken then. */
  take({ offset }: WirePublication): boolean {
    if (!this.#live || !this.#position || offset <= this.#position.offset) return false;
    this.#position = { ...this.#position, offset };
    return true;
  }

  /** The history was lost: the subscription goes on elsewhere. */
  reset(position: WirePosition): void {
    this.#position = position;
  }

  /** Nothing is missing up to here, in this epoch. Never back. */
  raise(proven: WirePosition | undefined): void {
    const position = this.#position;
    if (this.#live && position && proven?.epoch === position.epoch && proven.offset > position.offset) this.#position = proven;
  }
}
