import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import { Ledger } from "../../services/connector/presence/ledger.js";
import { Roster } from "../../services/presence/roster/roster.js";
import { incarnation, sessionId } from "../helpers/heartbeats.js";

const CHANNELS = ["chat.x", "chat.y"];
const MAX_BYTES = 400;

/** A connector's side: the real ledger, and beside it what is true. */
class Sender {
  readonly name: string;
  readonly #ledger = new Ledger();
  readonly sessions = new Map<number, Set<string>>();
  #number = 0;

  constructor(name: string) {
    this.name = name;
  }

  open(n: number): void {
    this.#ledger.open({ id: sessionId(n), user: `u${String(n)}`, transport: "websocket", sinceMs: 1 });
    this.sessions.set(n, new Set());
  }

  close(n: number, graceMs: number): void {
    this.#ledger.close(sessionId(n), graceMs);
    this.sessions.delete(n);
  }

  setMember(n: number, channel: string, member: boolean): void {
    this.#ledger.setMember(sessionId(n), channel, member);
    if (member) this.sessions.get(n)?.add(channel);
    else this.sessions.get(n)?.delete(channel);
  }

  setCount(channel: string, sessions: number): void {
    this.#ledger.setCount(channel, sessions);
  }

  beats(): Heartbeat[] {
    const batches = this.#ledger.takePending(MAX_BYTES);
    if (batches.length === 0) batches.push({ changes: [], counts: [] });
    const counters = { startedMs: 1, publications: 0, deliveries: 0 };
    return batches.map((batch) => {
      this.#number += 1;
      const beat = { connector: this.name, incarnation: incarnation(this.name), number: this.#number, ...batch, counters, leaving: false };
      return Heartbeat.decode(Heartbeat.encode(beat).finish());
    });
  }

  /** What was pending goes first, as in the reporter. */
  snapshotInto(roster: Roster, nowMs: number): boolean {
    const batches = [...this.#ledger.all(MAX_BYTES)];
    const sessions = batches.flatMap(({ changes }) => changes);
    const counts = batches.flatMap((batch) => batch.counts);
    return roster.snapshot({ connector: this.name, incarnation: incarnation(this.name), number: this.#number, sessions, counts, counters: undefined }, nowMs).needsSnapshot;
  }
}

const action = fc.record({
  at: fc.integer({ min: 0, max: 1 }),
  kind: fc.constantFrom("open", "open", "close", "join", "join", "part", "count", "send", "send", "send"),
  n: fc.integer({ min: 0, max: 4 }),
  channel: fc.constantFrom(...CHANNELS),
  graceMs: fc.constantFrom(0, 3_000),
  /** What becomes of each message that is sent now. */
  fate: fc.constantFrom("arrives", "arrives", "arrives", "lost", "twice", "late"),
  snapshot: fc.boolean(),
  ms: fc.integer({ min: 0, max: 500 }),
});

describe("presence over a bad network", () => {
  it("ends with what is true, on every replica, whatever was lost, doubled or came late", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80, size: "max" }), (actions) => {
        const senders = [new Sender("A"), new Sender("B")];
        const roster = new Roster();
        const late: Heartbeat[] = [];
        let nowMs = 0;
        const hear = (beat: Heartbeat, sender: Sender, answers: boolean): void => {
          if (roster.heartbeat(beat, nowMs).needsSnapshot && answers) sender.snapshotInto(roster, nowMs);
        };
        for (const { at, kind, n, channel, graceMs, fate, snapshot, ms } of actions) {
          const sender = senders[at]!;
          nowMs += ms;
          roster.advance(nowMs);
          if (kind === "open") sender.open(n);
          else if (kind === "close") sender.close(n, graceMs);
          else if (kind === "join") sender.setMember(n, channel, true);
          else if (kind === "part") sender.setMember(n, channel, false);
          else if (kind === "count") sender.setCount(channel, n);
          else {
            for (const beat of sender.beats()) {
              if (fate === "late") late.push(beat);
              for (let times = fate === "twice" ? 2 : fate === "arrives" ? 1 : 0; times > 0; times--) hear(beat, sender, snapshot);
            }
          }
          if (ms > 400) for (const beat of late.splice(0)) hear(beat, senders.find(({ name }) => name === beat.connector)!, snapshot);
        }
        // The network is well again: what is sent arrives, snapshots are answered, and graces pass.
        for (const beat of late) hear(beat, senders.find(({ name }) => name === beat.connector)!, true);
        for (let round = 0; round < 4; round++) {
          for (const sender of senders) for (const beat of sender.beats()) hear(beat, sender, true);
          nowMs += 3_000;
          roster.advance(nowMs);
        }
        const everyone = new Set(senders.flatMap((sender) => [...sender.sessions.keys()].map((n) => `u${String(n)}`)));
        expect(roster.onlineUsers(undefined, 99).items.map(({ user }) => user)).toEqual([...everyone].sort());
        for (const channel of CHANNELS) {
          const members = new Set(senders.flatMap((sender) => [...sender.sessions].filter(([, channels]) => channels.has(channel)).map(([n]) => `u${String(n)}`)));
          expect(roster.members(channel, undefined, 99).items.map(({ user }) => user)).toEqual([...members].sort());
        }
      }),
      { numRuns: 300 },
    );
  });
});
