import type { UserPresence, WatchPresenceResponse } from "../../gen/halley/v1/presence.js";
import type { Clock } from "../../lib/clock.js";
import { timestampOf, userPresenceOf } from "./replies.js";
import { compareIds } from "./roster/idOrder.js";
import type { Roster } from "./roster/roster.js";
import type { Topic, Watcher, Watchers } from "./watchers.js";

/** Users that are looked up at a time for the first list. */
const LIST_PAGE = 500;

/** What a watch looks at. */
export interface WatchSource {
  readonly roster: Roster;
  readonly watchers: Watchers;
  readonly clock: Clock;
}

/**
 * First those who are there (`current`), then `synced`, then every change. The list is read in pages as the caller takes
 * them: what happens to users already listed waits for the end of the list, the others are listed as they are by then.
 * Throws WATCHER_TOO_SLOW, OVERLOADED, and the signal's reason.
 */
export async function* watchPresence(source: WatchSource, topic: Topic, signal: AbortSignal): AsyncGenerator<readonly WatchPresenceResponse[]> {
  const { watchers, clock } = source;
  const { watcher, remove } = watchers.add(topic);
  try {
    for (const page of currentPages(source, topic, watcher)) {
      const asOf = timestampOf(clock.nowMs());
      for (const value of page) {
        signal.throwIfAborted();
        yield [{ event: { $case: "current", value }, asOf }];
      }
    }
    yield [{ event: { $case: "synced", value: {} }, asOf: timestampOf(clock.nowMs()) }];
    for (;;) {
      const changes = await watcher.next(signal);
      yield changes.map(({ came, user: value, atMs }) => ({ event: came ? { $case: "joined", value } : { $case: "left", value }, asOf: timestampOf(atMs) }));
    }
  } finally {
    remove();
  }
}

/** The users of a topic who are there, page by page, each as of the moment when it is asked for. */
function* currentPages({ roster, clock }: WatchSource, topic: Topic, watcher: Watcher): Generator<UserPresence[]> {
  const describe = (user: string): UserPresence => userPresenceOf(roster.user(user), clock.nowMs(), undefined);
  if ("users" in topic) {
    // At most 1,000: one page, all of one moment.
    yield topic.users.map(describe).filter(({ online }) => online);
    return;
  }
  let listedTo: string | undefined;
  watcher.listing((user) => listedTo !== undefined && compareIds(user, listedTo) <= 0);
  for (;;) {
    const { items } = "channel" in topic ? roster.members(topic.channel, listedTo, LIST_PAGE) : roster.onlineUsers(listedTo, LIST_PAGE);
    const last = items.at(-1);
    if (!last) break;
    listedTo = last.user;
    yield items.map(({ user }) => describe(user));
  }
  watcher.listing(undefined);
}
