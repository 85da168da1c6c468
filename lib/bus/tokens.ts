import { Seats } from "../seats.js";

/** Somebody who waits for an answer. `Tokens.add` sets both. */
export interface TokenHolder {
  /** Empty before. */
  token: string;
  /** Of the token, rising; 0 before. */
  id: number;
}

/**
 * Those who wait for answers under one inbox, each found by the last token of the subject to answer on. A token is the seat of who
 * waits and a number that nobody has twice, so that an answer which comes too late finds nobody: `3-1041`, then `3-1042`.
 */
export class Tokens<T extends TokenHolder> {
  readonly #holders = new Seats<T>();
  #next = 1;

  /** How many wait. */
  get size(): number {
    return this.#holders.size;
  }

  /** Gives it a token. */
  add(holder: T): void {
    holder.id = this.#next++;
    holder.token = `${String(this.#holders.add(holder))}-${String(holder.id)}`;
  }

  /** Who waits for an answer with this token; undefined when nobody does any more. */
  find(token: string): T | undefined {
    const holder = this.#holders.at(seatOf(token));
    return holder?.token === token ? holder : undefined;
  }

  /** Whether it waited until now. */
  delete(holder: T): boolean {
    return this.#holders.delete(seatOf(holder.token), holder);
  }

  /** Those who wait and are wanted, in the order in which they came. */
  inOrder(wanted: (holder: T) => boolean = () => true): T[] {
    return this.#holders.members(wanted).sort((one, other) => one.id - other.id);
  }
}

function seatOf(token: string): number {
  return Number.parseInt(token, 10);
}
