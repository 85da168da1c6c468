import type { Missed } from "./missed.js";

/** The body of an answer to subscribe, as far as it is looked at. */
interface Subscribed {
  readonly id?: number;
  readonly subscribed?: { readonly channel: string; readonly recovered?: boolean; readonly publications?: readonly { readonly offset: number }[] };
}

/**
 * Checks answers to `subscribe` against what was missed. Ten thousand of them are a hundred different ones: an answer whose very bytes
 * have been checked is as good as that one, so that the check costs next to nothing.
 */
export class Verifier {
  readonly #missed: Missed;
  /** Whole answers that were right, by channel. */
  readonly #right = new Map<string, Buffer[]>();

  constructor(missed: Missed) {
    this.#missed = missed;
  }

  /**
   * Takes an answer to a client of `channel`; gives the offsets that are still to come as publications. Throws when it
   * isn't recovered, or holds anything but the next ones that were missed.
   */
  take(channel: string, bytes: Buffer, from: number, to: number): readonly number[] {
    const right = this.#right.get(channel) ?? [];
    if (right.some((known) => known.length === to - from && known.compare(bytes, from, to) === 0)) return [];
    const { subscribed } = JSON.parse(bytes.toString("utf8", from, to)) as Subscribed;
    const missed = this.#missed[channel] ?? [];
    const offsets = (subscribed?.publications ?? []).map(({ offset }) => offset);
    if (subscribed?.channel !== channel || subscribed.recovered !== true) throw new Error(`not recovered: ${bytes.toString("utf8", from, Math.min(to, from + 300))}`);
    if (offsets.some((offset, index) => offset !== missed[index])) throw new Error(`other messages came than were missed in ${channel}: ${offsets.join(" ")} instead of ${missed.join(" ")}`);
    if (offsets.length === missed.length) this.#right.set(channel, [...right, Buffer.from(bytes.subarray(from, to))]);
    return missed.slice(offsets.length);
  }
}
