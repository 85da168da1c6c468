import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Heartbeat, SessionChange } from "../../../gen/halley/v1/heartbeat.js";
import { closed, heartbeat, joined, left, opened, over } from "../../../test/helpers/heartbeats.js";
import { NaiveRoster } from "../../../test/helpers/naiveRoster.js";
import type { RosterEvent } from "./netEvents.js";
import { Roster } from "./roster.js";

const CONNECTORS = ["A", "B", "C"];
const CHANNELS = ["chat.x", "chat.y"];
const USERS = ["ann", "\uFF5E", "\u{1F600}"];

const session = fc.integer({ min: 0, max: 3 });
const channel = fc.constantFrom(...CHANNELS);
/** Session n belongs to one user, now and then to another. */
const user = (n: number, other: boolean): string => USERS[(n + Number(other)) % USERS.length] ?? "";

const open = fc.record({
  n: session,
  other: fc.integer({ min: 0, max: 9 }).map((k) => k === 0),
  transport: fc.constantFrom(1 as const, 2 as const),
  sinceMs: fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 2 ** 32 - 2, max: 2 ** 32 + 2 }), fc.constant(1_795_000_000_123)),
  channels: fc.uniqueArray(channel),
});
const change: fc.Arbitrary<SessionChange> = fc.oneof(
  open.map(({ n, other, ...rest }) => opened(n, user(n, other), rest)),
  fc.tuple(session, fc.constantFrom(0, 3_000, 5_000, 10_000)).map(([n, graceMs]) => closed(n, graceMs)),
  fc.tuple(session, fc.constantFrom(0, 250, 4_000)).map(([n, graceMs]) => over(n, graceMs)),
  fc.tuple(session, channel).map(([n, name]) => joined(n, name)),
  fc.tuple(session, channel).map(([n, name]) => left(n, name)),
);
const at = fc.constantFrom(...CONNECTORS);
const changes = fc.array(change, { maxLength: 4 });
const counts = fc.uniqueArray(fc.record({ channel, sessions: fc.integer({ min: 0, max: 3 }) }), { maxLength: 2, selector: (count) => count.channel });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("beat" as const), at, changes, counts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), at, changes, counts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), at, changes, counts }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 5_000 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Two rosters that are told the same, and what the events of one say. */
class Comparison {
  readonly #roster = new Roster();
  readonly #naive = new NaiveRoster();
  readonly #online = new Set<string>();
  readonly #members = new Set<string>();
  readonly #processes = new Map(CONNECTORS.map((name) => [name, { generation: 0, number: 0 }]));
  #nowMs = 0;

  run(one: Step): void {
    if (one.kind === "wait") this.#wait(one.ms);
    else this.#beat(one);
    this.#compare();
  }

  #wait(ms: number): void {
    this.#nowMs += ms;
    const due = this.#roster.nextDeadlineMs() <= this.#nowMs;
    const { events } = this.#roster.advance(this.#nowMs);
    this.#naive.advance(this.#nowMs);
    if (!due) expect(events).toEqual([]);
    this.#fold(events);
  }

  #beat(one: Exclude<Step, { kind: "wait" }>): void {
    const beat = this.#nextOf(one);
    const { events, needsSnapshot } = this.#roster.heartbeat(beat, this.#nowMs);
    expect(needsSnapshot).toBe(false);
    // A process that nobody knows has nothing to leave.
    if (!beat.leaving || beat.number > 1) this.#naive.heartbeat(beat, this.#nowMs);
    this.#fold(events);
  }

  /** A process that was restarted, lost or has left comes back as another one. */
  #nextOf({ kind, at: name, changes: told, counts: counted }: Exclude<Step, { kind: "wait" }>): Heartbeat {
    const process = this.#processes.get(name)!;
    const known = this.#roster.connectors().some(({ connector }) => connector === name);
    if (kind === "restart" || !known) Object.assign(process, { generation: process.generation + 1, number: 0 });
    process.number += 1;
    const incarnation = Buffer.from(`${name}${String(process.generation).padStart(7)}`);
    const counters = { startedMs: process.generation, publications: 0, deliveries: 0 };
    return heartbeat(name, process.number, told, { incarnation, counters, counts: counted, leaving: kind === "leave" });
  }

  #fold(events: readonly RosterEvent[]): void {
    for (const event of events) {
      const [set, key] = event.kind === "joined" || event.kind === "left" ? [this.#members, `${event.channel} ${event.user}`] : [this.#online, event.user];
      const came = event.kind === "online" || event.kind === "joined";
      // Each event changes something.
      expect(set.has(key)).toBe(!came);
      if (came) set.add(key);
      else set.delete(key);
    }
  }

  #compare(): void {
    const [roster, naive] = [this.#roster, this.#naive];
    expect(roster.onlineUsers(undefined, 99).items.map((one) => one.user)).toEqual(naive.online);
    for (const one of USERS) expect(roster.user(one)).toEqual(naive.user(one));
    expect(roster.users(USERS)).toEqual(USERS.map((one) => naive.user(one)));
    for (const name of CHANNELS) {
      expect(roster.members(name, undefined, 99).items).toEqual(naive.members(name));
      expect(roster.subscribers(name)).toBe(naive.subscribers(name));
    }
    const { websocketSessions: websocket, pollSessions: poll } = roster.stats();
    expect({ websocket, poll }).toEqual(naive.transports);
    expect([...this.#online].sort()).toEqual([...naive.online].sort());
    expect([...this.#members].sort()).toEqual(CHANNELS.flatMap((name) => naive.members(name).map((member) => `${name} ${member.user}`)).sort());
  }
}

describe("roster: properties", () => {
  it("says what a plain list of claims would say, and its events lead to the same", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), (steps) => {
        const comparison = new Comparison();
        for (const one of steps) comparison.run(one);
      }),
      { numRuns: 250 },
    );
  });
});
