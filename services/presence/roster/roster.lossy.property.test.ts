import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Heartbeat, type SessionChange, Transport } from "../../../gen/halley/v1/heartbeat.js";
import { closed, heartbeat, joined, left, opened, snapshot } from "../../../test/helpers/heartbeats.js";
import { Roster } from "./roster.js";

const CONNECTORS = ["A", "B", "C"];
const USERS = ["ann", "bob"];
const CHANNEL = "chat.x";
/** A heartbeat comes so often in any case; the longest grace is 10 s. */
const ROUND_MS = 4_000;
const ROUNDS = 4;

interface Session {
  readonly user: string;
  readonly transport: Transport;
  isMember: boolean;
}

/** A connector: what is true there, and what it says. */
class Source {
  readonly #name: string;
  readonly sessions = new Map<number, Session>();
  #generation = 0;
  #number = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Another process takes the name: it knows nobody. */
  restart(): void {
    this.sessions.clear();
    this.#generation += 1;
    this.#number = 0;
  }

  beat(actions: readonly Action[]): Heartbeat {
    const changes = actions.flatMap((action) => this.#act(action));
    this.#number += 1;
    return heartbeat(this.#name, this.#number, changes, { ...this.#identity, counters: { startedMs: this.#generation + 1, publications: 0, deliveries: 0 } });
  }

  snapshot(): ReturnType<typeof snapshot> {
    const sessions = [...this.sessions].map(([n, { user, transport, isMember }]) => opened(n, user, { transport, channels: isMember ? [CHANNEL] : [] }));
    return snapshot(this.#name, this.#number, sessions, this.#identity);
  }

  get #identity(): { readonly incarnation: Buffer } {
    return { incarnation: Buffer.from(`${this.#name}${String(this.#generation).padStart(7)}`) };
  }

  #act({ kind, n, graceMs }: Action): SessionChange[] {
    const session = this.sessions.get(n);
    if (kind === "open") {
      const transport = graceMs === 0 ? Transport.TRANSPORT_WEBSOCKET : Transport.TRANSPORT_POLL;
      const user = USERS[n % USERS.length] ?? "";
      this.sessions.set(n, { user, transport, isMember: false });
      return [opened(n, user, { transport })];
    }
    if (!session) return [];
    if (kind === "close") {
      this.sessions.delete(n);
      return [closed(n, graceMs)];
    }
    session.isMember = kind === "join";
    return [kind === "join" ? joined(n, CHANNEL) : left(n, CHANNEL)];
  }
}

const action = fc.record({ kind: fc.constantFrom("open", "open", "close", "join", "leave"), n: fc.integer({ min: 0, max: 4 }), graceMs: fc.constantFrom(0, 5_000, 10_000) });
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
const at = fc.integer({ min: 0, max: CONNECTORS.length - 1 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("beat" as const), at, actions: fc.array(action, { maxLength: 3 }), fate: fc.constantFrom("come", "come", "lost", "twice", "late"), isAnswered: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), at }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 7_000 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "arrive" as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A replica that hears everything, and one to which heartbeats and snapshots are lost, come twice, or late and in any order. */
class Split {
  readonly #sources = CONNECTORS.map((name) => new Source(name));
  readonly #whole = new Roster();
  readonly #lossy = new Roster();
  #underWay: Heartbeat[] = [];
  #nowMs = 0;

  run(one: Step): void {
    if (one.kind === "wait") this.#wait(one.ms);
    else if (one.kind === "arrive") this.#arrive();
    else if (one.kind === "restart") this.#source(one.at).restart();
    else this.#beat(one);
  }

  /** Nothing is lost any more: after some rounds both say what is true. */
  settle(): void {
    this.#arrive();
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of this.#sources.keys()) this.#beat({ kind: "beat", at: index, actions: [], fate: "come", isAnswered: true });
      this.#wait(ROUND_MS);
    }
    const truth = new Map(this.#sources.flatMap(({ sessions }) => [...sessions]));
    for (const roster of [this.#whole, this.#lossy]) {
      const online = USERS.filter((user) => [...truth.values()].some((session) => session.user === user));
      expect(roster.onlineUsers(undefined, 9).items.map(({ user }) => user)).toEqual(online);
      for (const user of USERS) expect(roster.user(user).sessions).toBe([...truth.values()].filter((session) => session.user === user).length);
      expect(roster.members(CHANNEL, undefined, 9).items).toEqual(this.#whole.members(CHANNEL, undefined, 9).items);
    }
  }

  #beat({ at: index, actions, fate, isAnswered }: Extract<Step, { kind: "beat" }>): void {
    const source = this.#source(index);
    const beat = source.beat(actions);
    this.#hear(this.#whole, beat, source);
    if (fate === "late") this.#underWay.push(beat);
    if (fate === "come" || fate === "twice") this.#hear(this.#lossy, beat, isAnswered ? source : undefined);
    if (fate === "twice") this.#lossy.heartbeat(beat, this.#nowMs);
  }

  #hear(roster: Roster, beat: Heartbeat, asked: Source | undefined): void {
    const { needsSnapshot } = roster.heartbeat(beat, this.#nowMs);
    if (needsSnapshot && asked) roster.snapshot(asked.snapshot(), this.#nowMs);
  }

  /** What was late comes, the newest first. */
  #arrive(): void {
    for (const beat of this.#underWay.reverse()) this.#lossy.heartbeat(beat, this.#nowMs);
    this.#underWay = [];
  }

  #wait(ms: number): void {
    this.#nowMs += ms;
    this.#whole.advance(this.#nowMs);
    this.#lossy.advance(this.#nowMs);
  }

  #source(index: number): Source {
    const source = this.#sources[index];
    if (!source) throw new Error("no such connector");
    return source;
  }
}

describe("roster: a replica that misses heartbeats", () => {
  it("says what is true, and what the others say, within rounds after the last one was lost", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 50, size: "max" }), (steps) => {
        const split = new Split();
        for (const one of steps) split.run(one);
        split.settle();
      }),
      { numRuns: 400 },
    );
  });
});
