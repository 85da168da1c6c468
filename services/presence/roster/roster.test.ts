import { describe, expect, it } from "vitest";
import { type Heartbeat, Transport } from "../../../gen/halley/v1/heartbeat.js";
import { Roster } from "./roster.js";
import { closed, heartbeat, incarnation, joined, left, opened, over, sessionId, snapshot } from "../../../test/helpers/heartbeats.js";

const NONE = { events: [], needsSnapshot: false, lost: [] };
const online = (user: string) => ({ kind: "online", user });
const offline = (user: string) => ({ kind: "offline", user });

describe("roster: sessions", () => {
  it("puts a user online with the first session and offline with the last", () => {
    const roster = new Roster();
    expect(roster.heartbeat(heartbeat("A", 1, [opened(1, "ann", { sinceMs: 500 })]), 0).events).toEqual([online("ann")]);
    expect(roster.heartbeat(heartbeat("A", 2, [opened(2, "ann", { sinceMs: 900 })]), 1).events).toEqual([]);
    expect(roster.user("ann")).toEqual({ user: "ann", sessions: 2, onlineSinceMs: 500 });
    expect(roster.heartbeat(heartbeat("A", 3, [closed(1)]), 2).events).toEqual([]);
    expect(roster.user("ann")).toEqual({ user: "ann", sessions: 1, onlineSinceMs: 900 });
    expect(roster.heartbeat(heartbeat("A", 4, [closed(2)]), 3).events).toEqual([offline("ann")]);
    expect(roster.user("ann")).toEqual({ user: "ann", sessions: 0, onlineSinceMs: undefined });
  });

  it("ends a session that ended uncleanly after its grace, unless it comes back", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 0);
    roster.heartbeat(heartbeat("A", 2, [closed(1, 5_000), closed(2, 5_000)]), 1_000);
    expect(roster.nextDeadlineMs()).toBe(6_000);
    roster.heartbeat(heartbeat("A", 3, [opened(2, "bob")]), 3_000);
    expect(roster.advance(5_999)).toEqual(NONE);
    expect(roster.advance(6_000).events).toEqual([offline("ann")]);
    expect(roster.advance(10_000)).toEqual(NONE);
  });

  it("counts a session once that two connectors claim, and keeps it and its beginning while either does", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann", { sinceMs: 500 })]), 0);
    expect(roster.heartbeat(heartbeat("B", 1, [opened(1, "ann", { sinceMs: 900, transport: Transport.TRANSPORT_POLL })]), 1).events).toEqual([]);
    expect(roster.stats()).toMatchObject({ onlineUsers: 1, websocketSessions: 1, pollSessions: 0 });
    expect(roster.heartbeat(heartbeat("A", 2, [closed(1)]), 2).events).toEqual([]);
    expect(roster.stats()).toMatchObject({ onlineUsers: 1, websocketSessions: 0, pollSessions: 1 });
    expect(roster.user("ann")).toEqual({ user: "ann", sessions: 1, onlineSinceMs: 500 });
  });

  it("ends no more claims at a time than wanted, and says that more are due", () => {
    const roster = new Roster({ leaseMs: 2_000 });
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 0);
    roster.heartbeat(heartbeat("A", 2, [closed(1, 500), closed(2, 600)]), 0);
    expect([roster.advance(700, 1).events, roster.nextDeadlineMs()]).toEqual([[offline("ann")], 600]);
    expect([roster.advance(700, 1).events, roster.nextDeadlineMs()]).toEqual([[offline("bob")], 2_000]);
    roster.heartbeat(heartbeat("A", 3, [opened(3, "cid"), opened(4, "dan"), opened(5, "eva")]), 800);
    expect(roster.advance(2_800, 1)).toMatchObject({ lost: ["A"], events: [{ kind: "offline" }] });
    // One of the others is heard of again in between, and stays.
    roster.heartbeat(heartbeat("B", 1, [opened(4, "dan")]), 2_801);
    expect(roster.nextDeadlineMs()).toBe(2_800);
    roster.advance(2_800);
    expect(["cid", "dan", "eva"].map((user) => roster.user(user).sessions)).toEqual([0, 1, 0]);
    expect(roster.connectors().map(({ connector }) => connector)).toEqual(["B"]);
  });

  it("tells only the net change of a heartbeat", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann", { channels: ["chat.x"] })]), 0);
    expect(roster.heartbeat(heartbeat("A", 2, [closed(1), opened(2, "ann", { channels: ["chat.x"] })]), 1).events).toEqual([]);
    expect(roster.heartbeat(heartbeat("A", 3, [opened(3, "bob"), closed(3)]), 1).events).toEqual([]);
  });

  it("takes a session id with another user as another session", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann")]), 0);
    expect(roster.heartbeat(heartbeat("A", 2, [opened(1, "bob")]), 0).events).toEqual([offline("ann"), online("bob")]);
    expect(roster.connectors()[0]?.sessions).toBe(1);
  });

  it("passes over what is no session, and what is past its limit, and counts it", () => {
    const roster = new Roster({ maxClaims: 2, maxConnectors: 1 });
    const short = { ...opened(1, "ann"), session: Buffer.alloc(3) };
    roster.heartbeat(heartbeat("A", 1, [short, opened(1, "ann"), opened(2, "bob"), opened(3, "cid")]), 0);
    roster.heartbeat(heartbeat("B", 1, [opened(9, "eve")]), 0);
    expect(roster.onlineUsers(undefined, 9).items.map(({ user }) => user)).toEqual(["ann", "bob"]);
    expect(roster.refused).toBe(3);
  });
});

describe("roster: channels", () => {
  it("keeps members per user with their sessions", () => {
    const roster = new Roster();
    const sessions = [opened(1, "ann", { channels: ["chat.x"] }), opened(2, "ann"), opened(3, "bob")];
    expect(roster.heartbeat(heartbeat("A", 1, sessions), 0).events).toContainEqual({ kind: "joined", user: "ann", channel: "chat.x" });
    expect(roster.heartbeat(heartbeat("A", 2, [joined(2, "chat.x"), joined(3, "chat.x"), joined(3, "chat.x")]), 0).events).toEqual([
      { kind: "joined", user: "bob", channel: "chat.x" },
    ]);
    const members = [{ user: "ann", sessions: 2 }, { user: "bob", sessions: 1 }];
    expect(roster.members("chat.x", undefined, 10)).toEqual({ items: members, more: false, total: 2, sessions: 3 });
    expect(roster.members("chat.x", undefined, 1)).toEqual({ items: members.slice(0, 1), more: true, total: 2, sessions: 3 });
    expect(roster.heartbeat(heartbeat("A", 3, [left(1, "chat.x"), closed(3)]), 0).events).toEqual([
      offline("bob"),
      { kind: "left", user: "bob", channel: "chat.x" },
    ]);
    expect(roster.members("chat.x", undefined, 10)).toMatchObject({ items: [{ user: "ann", sessions: 1 }], sessions: 1 });
  });

  it("keeps the channels of a session that came back for 5 s, then only those it subscribed to again", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann", { channels: ["chat.x", "chat.y"] })]), 0);
    roster.heartbeat(heartbeat("A", 2, [closed(1, 5_000)]), 1_000);
    expect(roster.heartbeat(heartbeat("A", 3, [opened(1, "ann")]), 2_000).events).toEqual([]);
    expect(roster.heartbeat(heartbeat("A", 4, [joined(1, "chat.x")]), 2_500).events).toEqual([]);
    expect(roster.heartbeat(heartbeat("A", 5, [opened(1, "ann", { channels: ["chat.x"] })]), 6_000).events).toEqual([]);
    expect(roster.advance(6_999).events).toEqual([]);
    expect(roster.advance(7_000).events).toEqual([{ kind: "left", user: "ann", channel: "chat.y" }]);
    expect(roster.isMember("chat.x", "ann")).toBe(true);
  });

  it("takes a session out of a channel it left at its new connector while the old one's grace runs", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann", { channels: ["chat.x"] })]), 0);
    roster.heartbeat(heartbeat("B", 1, [opened(1, "ann", { channels: ["chat.x"] })]), 100);
    roster.heartbeat(heartbeat("A", 2, [closed(1, 5_000)]), 100);
    expect(roster.heartbeat(heartbeat("B", 2, [left(1, "chat.x")]), 200).events).toEqual([{ kind: "left", user: "ann", channel: "chat.x" }]);
  });

  it("lets a session that is over go at once also where another connector gave it a longer grace, before or after", () => {
    const events = (...beats: [Heartbeat, number][]): unknown => {
      const roster = new Roster();
      roster.heartbeat(heartbeat("A", 1, [opened(1, "ann")]), 0);
      roster.heartbeat(heartbeat("B", 1, [opened(1, "ann")]), 100);
      for (const [beat, nowMs] of beats) roster.heartbeat(beat, nowMs);
      expect(roster.advance(449).events).toEqual([]);
      return roster.advance(450).events;
    };
    expect(events([heartbeat("A", 2, [closed(1, 5_000)]), 110], [heartbeat("B", 2, [over(1)]), 200])).toEqual([offline("ann")]);
    expect(events([heartbeat("B", 2, [over(1)]), 200], [heartbeat("A", 2, [closed(1, 5_000)]), 210])).toEqual([offline("ann")]);
    expect(events([heartbeat("A", 2, [closed(1, 5_000)]), 110], [heartbeat("B", 2, [closed(1, 250)]), 200])).toEqual([]);
    // It lives on where it is open, and where it is opened again.
    expect(events([heartbeat("B", 2, [over(1)]), 200])).toEqual([]);
    expect(events([heartbeat("A", 2, [closed(1, 5_000)]), 110], [heartbeat("B", 2, [over(1)]), 200], [heartbeat("A", 3, [opened(1, "ann")]), 210])).toEqual([]);
  });

  it("sums subscribers over connectors and forgets those of a connector that goes", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [], { counts: [{ channel: "news", sessions: 3 }, { channel: "live", sessions: 1 }] }), 0);
    roster.heartbeat(heartbeat("B", 1, [], { counts: [{ channel: "news", sessions: 4 }] }), 1_000);
    expect([roster.subscribers("news"), roster.subscribers("live"), roster.stats().channels]).toEqual([7, 1, 2]);
    roster.heartbeat(heartbeat("A", 2, [], { counts: [{ channel: "live", sessions: 0 }] }), 1_000);
    expect([roster.subscribers("news"), roster.subscribers("live"), roster.stats().channels]).toEqual([7, 0, 1]);
    roster.heartbeat(heartbeat("B", 2, [], { leaving: true }), 2_000);
    expect([roster.subscribers("news"), roster.stats().channels]).toEqual([3, 1]);
  });
});

describe("roster: leases", () => {
  it("drops a connector unheard for 12 s with all its sessions at once", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 0);
    roster.heartbeat(heartbeat("A", 2, [closed(2, 60_000)]), 5_000);
    roster.heartbeat(heartbeat("B", 1, [opened(3, "cid")]), 10_000);
    expect(roster.nextDeadlineMs()).toBe(17_000);
    expect(roster.advance(16_999)).toEqual(NONE);
    expect(roster.advance(17_000)).toEqual({ events: [offline("ann"), offline("bob")], needsSnapshot: false, lost: ["A"] });
    expect(roster.connectors().map(({ connector }) => connector)).toEqual(["B"]);
  });

  it("gives the sessions of a connector that leaves 5 s, and hears nothing more of that process", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 0);
    expect(roster.heartbeat(heartbeat("A", 2, [closed(2)], { leaving: true }), 1_000).events).toEqual([offline("bob")]);
    expect(roster.connectors()).toEqual([]);
    expect(roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 2_000)).toEqual(NONE);
    expect(roster.advance(6_000).events).toEqual([offline("ann")]);
    expect(roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 7_000)).toEqual(NONE);
    expect(roster.nextDeadlineMs()).toBe(Infinity);
  });

  it("keeps what an older process claimed for 5 s until the new one confirms it", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")], { counts: [{ channel: "news", sessions: 2 }] }), 0);
    const anew = { incarnation: incarnation("b"), counters: { startedMs: 2, publications: 0, deliveries: 0 } };
    expect(roster.heartbeat(heartbeat("A", 1, [opened(1, "ann")], anew), 1_000)).toEqual(NONE);
    expect(roster.subscribers("news")).toBe(0);
    expect(roster.heartbeat(heartbeat("A", 2, [opened(3, "cid")]), 2_000)).toEqual(NONE);
    expect(roster.advance(6_000).events).toEqual([offline("bob")]);
    expect(roster.user("ann").sessions).toBe(1);
  });

  it("takes rates from the running totals", () => {
    const roster = new Roster();
    const totals = (publications: number, deliveries: number) => ({ counters: { startedMs: 1, publications, deliveries } });
    roster.heartbeat(heartbeat("A", 1, [], totals(100, 1_000)), 0);
    roster.heartbeat(heartbeat("A", 2, [], totals(110, 1_100)), 200);
    expect(roster.connectors()[0]).toMatchObject({ publicationsPerSecond: 0, deliveriesPerSecond: 0 });
    roster.heartbeat(heartbeat("A", 3, [], totals(120, 1_500)), 2_000);
    expect(roster.connectors()[0]).toMatchObject({ publicationsPerSecond: 10, deliveriesPerSecond: 250 });
  });
});

describe("roster: numbers", () => {
  it("asks for a snapshot on a gap, changes nothing until it is here, then goes on with what was held", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1, [opened(1, "ann"), opened(2, "bob")]), 0);
    expect(roster.heartbeat(heartbeat("A", 3, [opened(3, "cid")]), 1_000)).toEqual({ ...NONE, needsSnapshot: true });
    expect(roster.heartbeat(heartbeat("A", 5, [closed(1)]), 1_000)).toEqual({ ...NONE, needsSnapshot: true });
    const healed = roster.snapshot(snapshot("A", 4, [opened(1, "ann"), opened(3, "cid"), opened(4, "dan")]), 1_100);
    expect(healed).toEqual({ ...NONE, events: [online("cid"), online("dan"), offline("ann")] });
    expect(roster.advance(6_099).events).toEqual([]);
    expect(roster.advance(6_100).events).toEqual([offline("bob")]);
  });

  it("puts heartbeats in order that came out of order", () => {
    const roster = new Roster();
    roster.heartbeat(heartbeat("A", 1), 0);
    expect(roster.heartbeat(heartbeat("A", 3, [closed(1)]), 0).needsSnapshot).toBe(true);
    expect(roster.heartbeat(heartbeat("A", 2, [opened(1, "ann"), opened(2, "bob")]), 0)).toEqual({ ...NONE, events: [online("bob")] });
  });

  it("ignores a heartbeat that comes twice and a snapshot that is older than what it knows", () => {
    const roster = new Roster();
    const first = heartbeat("A", 1, [opened(1, "ann")]);
    roster.heartbeat(first, 0);
    roster.heartbeat(heartbeat("A", 2, [closed(1)]), 0);
    expect(roster.heartbeat(first, 0)).toEqual(NONE);
    expect(roster.snapshot(snapshot("A", 1, [opened(1, "ann")]), 0)).toEqual(NONE);
    expect(roster.snapshot(snapshot("A", 9, [opened(1, "ann")], { incarnation: incarnation("z") }), 0)).toEqual(NONE);
    expect(roster.user("ann").sessions).toBe(0);
  });

  it("asks for a snapshot of a connector that it hears for the first time", () => {
    const roster = new Roster();
    expect(roster.heartbeat(heartbeat("A", 7, [opened(1, "ann")]), 0)).toEqual({ ...NONE, needsSnapshot: true });
    expect(roster.connectors()[0]).toMatchObject({ synced: false });
    expect(roster.snapshot(snapshot("A", 7, [opened(2, "bob")]), 0)).toEqual({ ...NONE, events: [online("bob")] });
    expect(roster.connectors()[0]).toMatchObject({ synced: true, sessions: 1 });
  });

  it("holds a bounded number of heartbeats and asks again when it had to drop some", () => {
    const roster = new Roster();
    for (let number = 2; number <= 2_000; number++) roster.heartbeat(heartbeat("A", number, [opened(number, `u${String(number)}`)]), 0);
    expect(roster.snapshot(snapshot("A", 500), 0)).toEqual({ ...NONE, needsSnapshot: true });
    expect(roster.snapshot(snapshot("A", 1_500), 0).needsSnapshot).toBe(false);
    expect(roster.stats().onlineUsers).toBe(500);
  });
});

describe("roster: lists", () => {
  it("pages by the UTF-8 bytes of the ids and lists who stays exactly once while others come and go", () => {
    const roster = new Roster();
    const users = ["\u{1F600}", "\uFF5E", "a b", "a.b", "Z", "é", "10", "9"];
    roster.heartbeat(heartbeat("A", 1, users.map((user, n) => opened(n, user))), 0);
    const first = roster.onlineUsers(undefined, 3);
    expect(first.items.map(({ user }) => user)).toEqual(["10", "9", "Z"]);
    roster.heartbeat(heartbeat("A", 2, [closed(4), opened(20, "0"), opened(21, "Zz")]), 0);
    const second = roster.onlineUsers("Z", 3);
    expect(second).toMatchObject({ more: true, total: 9 });
    expect(second.items.map(({ user }) => user)).toEqual(["Zz", "a b", "a.b"]);
    const third = roster.onlineUsers("a.b", 3);
    expect(third).toMatchObject({ more: false });
    expect(third.items.map(({ user }) => user)).toEqual(["é", "\uFF5E", "\u{1F600}"]);
  });

  it("holds many sessions, over growth and reuse of rows", () => {
    const roster = new Roster();
    const changes = Array.from({ length: 20_000 }, (_, n) => opened(n, `user-${String(n % 7_000)}`));
    roster.heartbeat(heartbeat("A", 1, changes), 0);
    expect(roster.stats()).toMatchObject({ onlineUsers: 7_000, websocketSessions: 20_000 });
    roster.heartbeat(heartbeat("A", 2, changes.filter((_, n) => n % 3 !== 0).map(({ session }) => ({ ...closed(0), session }))), 0);
    roster.heartbeat(heartbeat("A", 3, changes.slice(0, 5_000)), 0);
    const expected = new Set([...Array(20_000).keys()].filter((n) => n % 3 === 0 || n < 5_000));
    expect(roster.stats().websocketSessions).toBe(expected.size);
    expect(roster.user("user-6").sessions).toBe([6, 7_006, 14_006].filter((n) => expected.has(n)).length);
    expect(sessionId(1)).toHaveLength(16);
  });
});
