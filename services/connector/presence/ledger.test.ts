import { describe, expect, it } from "vitest";
import { closed, joined, left, opened, over, sessionId } from "../../../test/helpers/heartbeats.js";
import { Ledger, LEAST_GRACE_MS } from "./ledger.js";

const MAX = 100_000;
const session = (n: number, user = `u${String(n)}`) => ({ id: sessionId(n), user, transport: "websocket" as const, sinceMs: 1_000 });
const take = (ledger: Ledger) => ledger.takePending(MAX).flatMap(({ changes }) => changes);

describe("ledger", () => {
  it("tells a session with the channels that it has by then", () => {
    const ledger = new Ledger();
    ledger.open(session(1, "ann"));
    ledger.setMember(sessionId(1), "chat.x", true);
    ledger.setMember(sessionId(1), "chat.y", true);
    ledger.setMember(sessionId(1), "chat.y", false);
    expect(take(ledger)).toEqual([opened(1, "ann", { channels: ["chat.x"] })]);
    expect(take(ledger)).toEqual([]);
  });

  it("tells the net change of channels", () => {
    const ledger = new Ledger();
    ledger.open(session(1));
    ledger.setMember(sessionId(1), "chat.x", true);
    take(ledger);
    ledger.setMember(sessionId(1), "chat.x", true);
    expect(ledger.pending).toBe(0);
    ledger.setMember(sessionId(1), "chat.x", false);
    ledger.setMember(sessionId(1), "chat.y", true);
    expect(take(ledger)).toEqual([left(1, "chat.x"), joined(1, "chat.y")]);
  });

  it("tells an end, with what went before", () => {
    const ledger = new Ledger();
    ledger.open(session(1));
    take(ledger);
    ledger.close(sessionId(1), 5_000);
    expect(take(ledger)).toEqual([closed(1, 5_000)]);
    ledger.open(session(1));
    ledger.close(sessionId(1), 10_000);
    expect(take(ledger)).toEqual([opened(1, "u1"), closed(1, 10_000)]);
    ledger.open(session(1));
    ledger.close(sessionId(1), 0);
    expect(take(ledger)).toEqual([opened(1, "u1"), closed(1, LEAST_GRACE_MS)]);
    ledger.open(session(1));
    take(ledger);
    ledger.close(sessionId(1), "over");
    expect(take(ledger)).toEqual([over(1, LEAST_GRACE_MS)]);
    ledger.open(session(2));
    take(ledger);
    ledger.close(sessionId(2), 5_000);
    ledger.open(session(2));
    expect(take(ledger)).toEqual([opened(2, "u2")]);
  });

  it("begins a session that is opened again, or was closed, without channels", () => {
    const ledger = new Ledger();
    ledger.open(session(1));
    ledger.setMember(sessionId(1), "chat.x", true);
    ledger.open({ ...session(1), transport: "poll" });
    ledger.setMember(sessionId(1), "chat.y", true);
    expect(take(ledger)).toEqual([opened(1, "u1", { transport: 2, channels: ["chat.y"] })]);
    ledger.close(sessionId(1), 5_000);
    ledger.open(session(1));
    expect(take(ledger)).toEqual([opened(1, "u1")]);
  });

  it("ignores sessions that are not here", () => {
    const ledger = new Ledger();
    ledger.close(sessionId(1), 0);
    ledger.setMember(sessionId(1), "chat.x", true);
    expect(ledger.pending).toBe(0);
    expect(() => { ledger.open({ ...session(1), id: new Uint8Array(4) }); }).toThrow("16 bytes");
  });

  it("tells the latest subscriber counts, but none of inboxes", () => {
    const ledger = new Ledger();
    for (const count of [1, 2, 3]) ledger.setCount("news", count);
    ledger.setCount("live", 1);
    ledger.setCount("user.42", 1);
    expect(ledger.takePending(MAX)).toEqual([{ changes: [], counts: [{ channel: "news", sessions: 3 }, { channel: "live", sessions: 1 }] }]);
    ledger.setCount("live", 0);
    expect(ledger.takePending(MAX)).toEqual([{ changes: [], counts: [{ channel: "live", sessions: 0 }] }]);
    expect([...ledger.all(MAX)]).toEqual([{ changes: [], counts: [{ channel: "news", sessions: 3 }] }]);
  });

  it("keeps batches below the limit, however many channels a session has", () => {
    const ledger = new Ledger();
    for (let n = 0; n < 500; n++) ledger.open(session(n, "x".repeat(128)));
    for (let n = 0; n < 1_000; n++) ledger.setMember(sessionId(7), `chat.${"y".repeat(240)}${String(n)}`, true);
    for (let n = 0; n < 500; n++) ledger.setCount(`chat.${"y".repeat(240)}${String(n)}`, 1);
    const everything = [...ledger.all(MAX)];
    for (const batches of [everything, ledger.takePending(MAX)]) {
      expect(batches.length).toBeGreaterThan(10);
      for (const batch of batches) expect(JSON.stringify(batch.counts).length).toBeLessThan(MAX);
      expect(batches.flatMap(({ changes }) => changes).filter(({ change }) => change?.$case === "opened")).toHaveLength(500);
      const memberships = batches.flatMap(({ changes }) => changes).map(({ change }) => (change?.$case === "opened" ? change.value.channels.length : 1));
      expect(memberships.reduce((sum, count) => sum + count, 0)).toBe(1_000);
      expect(batches.flatMap(({ counts }) => counts)).toHaveLength(500);
    }
  });

  it("holds no more than one entry for a session, however often it comes and goes", () => {
    const ledger = new Ledger();
    for (let round = 0; round < 1_000; round++) {
      ledger.open(session(1));
      ledger.setMember(sessionId(1), "chat.x", true);
      ledger.close(sessionId(1), 5_000);
    }
    expect(ledger.pending).toBe(1);
  });
});
