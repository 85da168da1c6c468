import { describe, expect, it } from "vitest";
import type { WatchPresenceResponse } from "../../gen/halley/v1/presence.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { closed, heartbeat, opened } from "../../test/helpers/heartbeats.js";
import { watchPresence } from "./presenceWatch.js";
import { userPresenceOf } from "./replies.js";
import { Roster } from "./roster/roster.js";
import { type Topic, Watchers } from "./watchers.js";

const USERS = 1_200;
const name = (n: number): string => `user-${String(n).padStart(4, "0")}`;

/** A roster whose events reach the watchers, as the engine wires them. */
class Scene {
  readonly roster = new Roster();
  readonly clock = new FakeClock();
  readonly watchers: Watchers;
  #number = 0;

  constructor(maxWaiting?: number) {
    this.watchers = new Watchers(maxWaiting);
    this.beat(Array.from({ length: USERS }, (_, n) => opened(n, name(n))));
  }

  beat(changes: Parameters<typeof heartbeat>[2]): void {
    this.#number += 1;
    const { events } = this.roster.heartbeat(heartbeat("A", this.#number, changes), 0);
    this.watchers.offer(events, 1, (user) => userPresenceOf(this.roster.user(user), 1, 1));
  }

  /** One at a time. */
  async *watch(topic: Topic, signal = new AbortController().signal): AsyncGenerator<WatchPresenceResponse> {
    for await (const piece of watchPresence(this, topic, signal)) yield* piece;
  }
}

async function take(stream: AsyncGenerator<WatchPresenceResponse>, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value } = (await stream.next()) as { value: WatchPresenceResponse };
    told.push(value.event?.$case === "synced" ? "synced" : `${value.event?.$case ?? ""} ${value.event?.value.userId ?? ""}`);
  }
  return told;
}

describe("a watch", () => {
  it("lists a roster that changes meanwhile so that list and changes add up", async () => {
    const scene = new Scene();
    const stream = scene.watch({ everyone: true });
    const told = await take(stream, 10);
    // One of the listed goes, one who is not listed yet goes, and two come: before and behind the place of the list.
    scene.beat([closed(5), closed(1_100), opened(9_001, "a-new"), opened(9_002, "z-new")]);
    told.push(...(await take(stream, USERS - 10)));
    expect(told.filter((one) => one.startsWith("current"))).toHaveLength(USERS);
    expect(told).not.toContain(`current ${name(1_100)}`);
    expect(told.at(-1)).toBe("current z-new");
    expect(await take(stream, 3)).toEqual(["synced", `left ${name(5)}`, "joined a-new"]);
    scene.beat([closed(7)]);
    expect(await take(stream, 1)).toEqual([`left ${name(7)}`]);
    await stream.return(undefined);
    expect(scene.watchers.size).toBe(0);
  });

  it("ends one that is read too slowly, and lets go of it", async () => {
    const scene = new Scene(10);
    const stream = scene.watch({ everyone: true });
    await take(stream, 1);
    for (let n = 0; n < 20; n++) scene.beat([closed(n)]);
    await expect(take(stream, USERS + 2)).rejects.toMatchObject({ reason: "WATCHER_TOO_SLOW" });
    expect(scene.watchers.size).toBe(0);
  });

  it("ends with its call", async () => {
    const scene = new Scene();
    const abort = new AbortController();
    const stream = scene.watch({ users: [name(1), "nobody"] }, abort.signal);
    expect(await take(stream, 2)).toEqual([`current ${name(1)}`, "synced"]);
    const next = stream.next();
    abort.abort(new Error("gone"));
    await expect(next).rejects.toThrow("gone");
    expect(scene.watchers.size).toBe(0);
  });
});
