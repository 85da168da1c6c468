/** Past this many entries a table is quicker to search than a list. */
const MOST_LISTED = 8;

/**
 * A map that mostly has a few entries: up to eight of them are kept as a list, which takes a fraction of the memory of a
 * `Map`'s table (436 bytes in Node.js 20 for one entry). Iterates in the order in which keys were added first.
 */
export class SmallMap<K, V> {
  #keys: readonly K[] = [];
  /** Beside their keys. */
  #values: V[] = [];
  #table: Map<K, V> | undefined;

  /** How many entries it has. */
  get size(): number {
    return this.#table?.size ?? this.#keys.length;
  }

  has(key: K): boolean {
    return this.#table?.has(key) ?? this.#keys.includes(key);
  }

  /** The value of a key; undefined where it has none. */
  get(key: K): V | undefined {
    return this.#table ? this.#table.get(key) : this.#values[this.#keys.indexOf(key)];
  }

  set(key: K, value: V): void {
    if (!this.#table) {
      const at = this.#keys.indexOf(key);
      if (at >= 0) {
        this.#values[at] = value;
        return;
      }
      if (this.#keys.length < MOST_LISTED) {
        // As long as need be: one that is pushed to, or spread, has room for 17.
        this.#keys = this.#keys.concat([key]);
        this.#values = this.#values.concat([value]);
        return;
      }
      this.#table = new Map(this);
      this.#keys = [];
      this.#values = [];
    }
    this.#table.set(key, value);
  }

  /** Removes a key. Gives whether it was there. */
  delete(key: K): boolean {
    if (this.#table) return this.#table.delete(key);
    const at = this.#keys.indexOf(key);
    if (at < 0) return false;
    this.#keys = this.#keys.filter((_, index) => index !== at);
    this.#values = this.#values.filter((_, index) => index !== at);
    return true;
  }

  /** The entries. What is added or removed meanwhile may be among them or not. */
  *[Symbol.iterator](): Generator<[K, V]> {
    if (this.#table) yield* this.#table;
    else {
      const values = this.#values;
      for (const [at, key] of this.#keys.entries()) yield [key, values[at] as V];
    }
  }
}
