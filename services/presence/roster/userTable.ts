import { nextCapacity, widened } from "./column.js";
import { SortedIds } from "./sortedIds.js";

/** The users that are online: a row each, in the order of their ids too. A row's number may be used again after its user went. */
export class UserTable {
  readonly #rowById = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #order = new SortedIds();
  #sessions = new Uint32Array(0);
  readonly #free: number[] = [];

  /** How many users are online. */
  get size(): number {
    return this.#rowById.size;
  }

  /** The row of a user, or undefined while offline. */
  find(id: string): number | undefined {
    return this.#rowById.get(id);
  }

  /** The row of a user; makes one, without a session, for a user who is not here. */
  ensure(id: string): number {
    const found = this.#rowById.get(id);
    if (found !== undefined) return found;
    const row = this.#free.pop() ?? this.#ids.length;
    if (row >= this.#sessions.length) this.#sessions = widened(this.#sessions, nextCapacity(this.#sessions.length));
    this.#ids[row] = id;
    this.#sessions[row] = 0;
    this.#rowById.set(id, row);
    this.#order.add(id);
    return row;
  }

  idOf(row: number): string {
    return this.#ids[row] ?? "";
  }

  sessionsOf(row: number): number {
    return this.#sessions[row] ?? 0;
  }

  /** Adds `by` (1 or -1) to the user's sessions and gives their new number. */
  addSessions(row: number, by: number): number {
    const sessions = this.sessionsOf(row) + by;
    this.#sessions[row] = sessions;
    return sessions;
  }

  /** Frees the row. */
  remove(row: number): void {
    const id = this.idOf(row);
    this.#rowById.delete(id);
    this.#order.delete(id);
    this.#ids[row] = "";
    this.#free.push(row);
  }

  /** The first `limit` ids behind `id`, by their UTF-8 bytes. */
  after(id: string | undefined, limit: number): string[] {
    return this.#order.after(id, limit);
  }
}
