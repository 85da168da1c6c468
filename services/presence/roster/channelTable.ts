import type { SortedRows } from "./sortedRows.js";
import type { UserTable } from "./userTable.js";

/** A channel that has subscribers or members. */
export class Channel {
  readonly name: string;
  /** Subscribed sessions, as connectors count them; of channels without presence too. */
  subscribers = 0;
  /** Sessions of the members. */
  memberSessions = 0;
  /** The sessions of each member, by the row of the user. */
  readonly #members = new Map<number, number>();
  readonly #order: SortedRows;

  constructor(name: string, users: UserTable) {
    this.name = name;
    this.#order = users.emptyOrder();
  }

  /** How many users are members. */
  get members(): number {
    return this.#members.size;
  }

  /** How many sessions of a user are here; 0: no member. */
  sessionsOf(user: number): number {
    return this.#members.get(user) ?? 0;
  }

  /** Adds `by` (1 or -1) to a user's sessions here and gives their new number. */
  addSessions(user: number, by: number): number {
    const sessions = this.sessionsOf(user) + by;
    this.memberSessions += by;
    if (sessions === 0) {
      if (this.#members.delete(user)) this.#order.delete(user);
    } else {
      if (!this.#members.has(user)) this.#order.add(user);
      this.#members.set(user, sessions);
    }
    return sessions;
  }

  /** The rows of the first `limit` members behind `userId`, by the UTF-8 bytes of their ids. */
  after(userId: string | undefined, limit: number): number[] {
    return this.#order.after(userId, limit);
  }
}

/** The channels that anybody is in. */
export class ChannelTable {
  readonly #users: UserTable;
  readonly #byName = new Map<string, Channel>();
  #subscribed = 0;

  /** `users`: the table that members are rows of. */
  constructor(users: UserTable) {
    this.#users = users;
  }

  /** Channels with at least one subscriber. */
  get subscribed(): number {
    return this.#subscribed;
  }

  find(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  /** The channel of that name; made where it is not here. */
  ensure(name: string): Channel {
    const found = this.#byName.get(name);
    if (found) return found;
    const made = new Channel(name, this.#users);
    this.#byName.set(name, made);
    return made;
  }

  /** Adds to a channel's subscribers; `by` may be below 0. */
  addSubscribers(channel: Channel, by: number): void {
    const before = channel.subscribers;
    channel.subscribers += by;
    if (before === 0 && channel.subscribers > 0) this.#subscribed += 1;
    if (before > 0 && channel.subscribers === 0) this.#subscribed -= 1;
    this.forgetIfEmpty(channel);
  }

  /** Drops a channel that nobody is in. */
  forgetIfEmpty(channel: Channel): void {
    if (channel.subscribers === 0 && channel.members === 0) this.#byName.delete(channel.name);
  }
}
