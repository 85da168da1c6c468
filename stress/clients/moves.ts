/** Kept of one client: enough to tell how it came past what it missed. */
const MOST = 20_000;

interface Move {
  readonly channel: string;
  readonly from: number;
  readonly to: number;
  /** What moved the position. */
  readonly by: string;
}

/** How the positions of one client moved: the newest of it. */
export class Moves {
  #moves: Move[] = [];

  add(channel: string, from: number, to: number, by: string): void {
    this.#moves.push({ channel, from, to, by });
    if (this.#moves.length > MOST) this.#moves = this.#moves.slice(MOST / 2);
  }

  /** What moved the position of a channel over an offset, and what came before and after it. */
  over(channel: string, offset: number): string {
    const own = this.#moves.filter((move) => move.channel === channel);
    const at = own.findIndex(({ from, to }) => from < offset && offset <= to);
    if (at === -1) return "nothing that is known moved over it";
    return own
      .slice(Math.max(0, at - 3), at + 3)
      .map(({ from, to, by }) => `${by}: ${String(from)} to ${String(to)}`)
      .join(", ");
  }
}
