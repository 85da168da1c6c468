/**
 * A set that mostly has one member, which is kept without the table of a `Set` (188 bytes in Node.js 20). Iterates in the
 * order in which members were added.
 */
export class SmallSet<T extends object> {
  #only: T | undefined;
  #all: Set<T> | undefined;

  /** How many members it has. */
  get size(): number {
    return this.#all ? this.#all.size : this.#only ? 1 : 0;
  }

  add(member: T): void {
    if (this.#all) this.#all.add(member);
    else if (!this.#only || this.#only === member) this.#only = member;
    else {
      this.#all = new Set([this.#only, member]);
      this.#only = undefined;
    }
  }

  delete(member: T): void {
    if (this.#only === member) this.#only = undefined;
    this.#all?.delete(member);
    if (this.#all?.size === 0) this.#all = undefined;
  }

  clear(): void {
    this.#only = undefined;
    // Whoever is going through it goes on through this one.
    this.#all?.clear();
    this.#all = undefined;
  }

  /** Calls `visit` with each member. One that is removed meanwhile is not visited; one that is added may be. */
  forEach(visit: (member: T) => void): void {
    if (this.#only) visit(this.#only);
    else if (this.#all) for (const member of this.#all) visit(member);
  }
}
