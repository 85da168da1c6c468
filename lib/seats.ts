/**
 * A set whose members are found again by their seat, a small number that `add` gives and that somebody else may have later.
 * For what comes and goes all the time, where a `Set` or a `Map` costs dearly: when one of these has grown old, each table that it
 * outgrew refers to the next one and so keeps, until the next whole garbage collection, all that was in any of them (V8 11).
 * A single member needs no array. To go through many costs as much as for the most that were there together, while who sits last stays.
 *
 *     add(a) -> 0    add(b) -> 1    delete(0, a)    add(c) -> 0    delete(0, a) does nothing: c sits there
 */
export class Seats<T extends object> {
  /** Who has seat 0, as long as nobody else came. */
  #only: T | undefined;
  #many: (T | undefined)[] | undefined;
  /** Seats that were left, each once; perhaps also some at the end that are gone. */
  #free: number[] | undefined;
  #size = 0;

  /** How many members it has. */
  get size(): number {
    return this.#size;
  }

  /** Takes a member, who must not be in it already; gives the seat. */
  add(member: T): number {
    this.#size += 1;
    if (this.#size === 1 && !this.#many) {
      this.#only = member;
      return 0;
    }
    this.#many ??= [this.#only];
    this.#only = undefined;
    const seat = this.#freeSeat(this.#many);
    this.#many[seat] = member;
    return seat;
  }

  /** Who has the seat. */
  at(seat: number): T | undefined {
    return this.#many ? this.#many[seat] : seat === 0 ? this.#only : undefined;
  }

  /** Takes the member off the seat; false, and nothing done, where somebody else sits there, or nobody. */
  delete(seat: number, member: T): boolean {
    if (this.at(seat) !== member) return false;
    this.#size -= 1;
    if (!this.#many || this.#size === 0) this.#empty();
    else this.#leave(this.#many, seat);
    return true;
  }

  /** Takes everybody off. */
  clear(): void {
    this.#size = 0;
    this.#empty();
  }

  /** Calls `visit` with each member. One that is removed meanwhile is not visited; one that is added may be. */
  forEach(visit: (member: T) => void): void {
    const many = this.#many;
    if (!many) {
      if (this.#only) visit(this.#only);
      return;
    }
    for (let seat = 0; seat < many.length; seat++) {
      const member = many[seat];
      if (member) visit(member);
    }
  }

  /** Those in it now who are wanted. */
  members(wanted: (member: T) => boolean): T[] {
    const members: T[] = [];
    this.forEach((member) => { if (wanted(member)) members.push(member); });
    return members;
  }

  #empty(): void {
    this.#only = undefined;
    // Whoever is going through it goes on through this array.
    if (this.#many) this.#many.length = 0;
    this.#many = undefined;
    this.#free = undefined;
  }

  #leave(many: (T | undefined)[], seat: number): void {
    many[seat] = undefined;
    if (seat < many.length - 1) (this.#free ??= []).push(seat);
    else while (many.length > 0 && many[many.length - 1] === undefined) many.pop();
  }

  #freeSeat(many: (T | undefined)[]): number {
    for (let seat = this.#free?.pop(); seat !== undefined; seat = this.#free?.pop()) {
      if (seat < many.length) return seat;
    }
    return many.length;
  }
}
