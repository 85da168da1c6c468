import { type End, type Since, Timeline } from "./timeline.js";

/** The topic of who is online; other topics are channels. */
export const ONLINE = "";

/** Who is really there: what the test itself has done, which every replica is held against. */
export class PresenceTruth {
  readonly #topics = new Map<string, Map<string, Timeline>>();

  /** A tab or device of a user is there. `since`: when its session began. */
  came(tab: object, user: string, channels: readonly string[], since: Since): void {
    for (const topic of [ONLINE, ...channels]) this.of(topic, user).came(tab, since);
  }

  /** It is gone. */
  went(tab: object, user: string, channels: readonly string[], end: End): void {
    for (const topic of [ONLINE, ...channels]) this.of(topic, user).went(tab, end);
  }

  /** Users and their sessions. */
  present(topic: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const [user, { sessions }] of this.#topics.get(topic) ?? []) if (sessions > 0) found.set(user, sessions);
    return found;
  }

  /** Users who were there once, and are not now. */
  absent(): string[] {
    return [...(this.#topics.get(ONLINE) ?? [])].filter(([, { sessions }]) => sessions === 0).map(([user]) => user);
  }

  /** The channels that anybody was in. */
  get channels(): string[] {
    return [...this.#topics.keys()].filter((topic) => topic !== ONLINE);
  }

  of(topic: string, user: string): Timeline {
    const users = this.#topics.get(topic) ?? new Map<string, Timeline>();
    this.#topics.set(topic, users);
    const found = users.get(user) ?? new Timeline();
    users.set(user, found);
    return found;
  }
}
