/** Something that is due at a time. */
export interface Deadline {
  readonly atMs: number;
}

/** Deadlines by time: a binary heap. Nothing is taken out early; the owner checks whether what falls due still holds. */
export class Deadlines<T extends Deadline> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the next one is due; Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  add(deadline: T): void {
    const heap = this.#heap;
    let at = heap.push(deadline) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || above.atMs <= deadline.atMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = deadline;
  }

  /** Takes out the earliest one that is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(deadline: T): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const smaller = (heap[right]?.atMs ?? Infinity) < (heap[left]?.atMs ?? Infinity) ? right : left;
      const below = heap[smaller];
      if (below === undefined || below.atMs >= deadline.atMs) break;
      heap[at] = below;
      at = smaller;
    }
    heap[at] = deadline;
  }
}
