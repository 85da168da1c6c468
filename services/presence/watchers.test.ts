import { describe, expect, it } from "vitest";
import { userPresenceOf } from "./replies.js";
import { Watchers } from "./watchers.js";

const describeUser = (user: string) => userPresenceOf({ user, sessions: 0, onlineSinceMs: undefined }, 1, 1);
const never = new AbortController().signal;

describe("watchers", () => {
  it("hands each event to those who watch for it, in order", async () => {
    const watchers = new Watchers();
    const [everyone, some, channel] = [watchers.add({ everyone: true }), watchers.add({ users: ["ann", "bob"] }), watchers.add({ channel: "chat.x" })];
    watchers.offer([{ kind: "online", user: "ann" }, { kind: "offline", user: "cid" }, { kind: "joined", user: "ann", channel: "chat.x" }, { kind: "left", user: "ann", channel: "chat.y" }], 7, describeUser);
    const told = async ({ watcher }: typeof everyone) => (await watcher.next(never)).map(({ came, user, atMs }) => [came, user.userId, atMs]);
    expect(await told(everyone)).toEqual([[true, "ann", 7], [false, "cid", 7]]);
    expect(await told(some)).toEqual([[true, "ann", 7]]);
    expect(await told(channel)).toEqual([[true, "ann", 7]]);
  });

  it("holds no more than its limit for a watcher, and tells it that it was too slow", async () => {
    const watchers = new Watchers(3);
    const { watcher } = watchers.add({ everyone: true });
    for (let n = 0; n < 4; n++) watchers.offer([{ kind: "online", user: String(n) }], n, describeUser);
    await expect(watcher.next(never)).rejects.toMatchObject({ reason: "WATCHER_TOO_SLOW", code: "RESOURCE_EXHAUSTED" });
  });

  it("wakes a waiting watcher, with an event or with the end of its call", async () => {
    const watchers = new Watchers();
    const { watcher } = watchers.add({ everyone: true });
    const event = watcher.next(never);
    watchers.offer([{ kind: "online", user: "ann" }], 1, describeUser);
    expect((await event)[0]?.user.userId).toBe("ann");
    const abort = new AbortController();
    const ended = watcher.next(abort.signal);
    abort.abort(new Error("gone"));
    await expect(ended).rejects.toThrow("gone");
  });

  it("forgets a watcher that was removed, and refuses those past its limit", () => {
    const watchers = new Watchers();
    const added = Array.from({ length: 10_000 }, () => watchers.add({ users: ["ann"] }));
    expect(() => watchers.add({ everyone: true })).toThrow(expect.objectContaining({ reason: "OVERLOADED" }) as Error);
    for (const { remove } of added) remove();
    expect(watchers.size).toBe(0);
    watchers.add({ everyone: true });
  });
});
