/** Spent places are worth removing from here on. */
const SPENT_AT = 4_096;

/** A queue whose front costs the same however long it is: an array's `shift` moves everything, and the first entry of a Map is behind all that were deleted. */
export class Fifo<Item> {
  #items: Item[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The oldest; undefined: it is empty. */
  get first(): Item | undefined {
    return this.#items[this.#first];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes out the oldest; undefined: it is empty. */
  shift(): Item | undefined {
    const item = this.#items[this.#first];
    if (this.length === 0) return undefined;
    this.#first += 1;
    // What was taken out is held no longer than this.
    if (this.length === 0 || (this.#first >= SPENT_AT && this.#first * 2 >= this.#items.length)) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let at = this.#first; at < this.#items.length; at++) yield this.#items[at] as Item;
  }
}
