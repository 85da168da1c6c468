/** What became of a user, in all or in a channel. */
export type RosterEvent =
  | { readonly kind: "online" | "offline"; readonly user: string }
  | { readonly kind: "joined" | "left"; readonly user: string; readonly channel: string };

/** Collects changes of one step and gives what is left of them: a user who left and came back in the step is no event. */
export class NetEvents {
  /** What was so before the step, of users and members that have changed in it. */
  readonly #online = new Map<string, boolean>();
  readonly #members = new Map<string, Map<string, boolean>>();

  /** A user came online or went offline; `was` is the state before. */
  noteUser(user: string, was: boolean): void {
    if (!this.#online.has(user)) this.#online.set(user, was);
  }

  /** A user became a member of a channel or none; `was` is the state before. */
  noteMember(channel: string, user: string, was: boolean): void {
    const members = this.#members.get(channel) ?? new Map<string, boolean>();
    this.#members.set(channel, members);
    if (!members.has(user)) members.set(user, was);
  }

  /** The changes since the last call, each with the state of now: users first, then members. */
  take(isOnline: (user: string) => boolean, isMember: (channel: string, user: string) => boolean): RosterEvent[] {
    const events: RosterEvent[] = [];
    for (const [user, was] of this.#online) {
      const is = isOnline(user);
      if (is !== was) events.push({ kind: is ? "online" : "offline", user });
    }
    for (const [channel, members] of this.#members) {
      for (const [user, was] of members) {
        const is = isMember(channel, user);
        if (is !== was) events.push({ kind: is ? "joined" : "left", user, channel });
      }
    }
    this.#online.clear();
    this.#members.clear();
    return events;
  }
}
