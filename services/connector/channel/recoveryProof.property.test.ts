import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import { EXPIRY_MARGIN_MS, isProven } from "./recoveryProof.js";

const CHANNELS = ["a", "b", "c"] as const;
type Name = (typeof CHANNELS)[number];

interface Stored {
  readonly sequence: number;
  readonly channel: Name;
  readonly atMs: number;
}

/** What was read in one answer, from a message of the channel on. */
interface Answer {
  readonly sequences: readonly number[];
  readonly anchor: { readonly count: number } | undefined;
}

/** A stream as JetStream keeps it: oldest out first, by age, by size, by the limit of a channel, which may change. */
class Model {
  readonly maxAgeMs = 60_000;
  maxPerChannel = 2;
  #generation = 1;
  /** No position of the present epoch is below this. */
  epochFrom = 0;
  nowMs = 0;
  lastSequence = 0;
  stored: Stored[] = [];
  /** Everything that was ever stored. */
  all: Stored[] = [];

  publish(channel: Name): void {
    this.lastSequence += 1;
    const message = { sequence: this.lastSequence, channel, atMs: this.nowMs };
    this.stored.push(message);
    this.all.push(message);
    this.#keepToLimit(channel);
  }

  /** Removes at once what is too much now; the epoch stays. */
  lowerLimit(): void {
    this.maxPerChannel = Math.max(1, this.maxPerChannel - 1);
    for (const channel of CHANNELS) this.#keepToLimit(channel);
  }

  #keepToLimit(channel: Name): void {
    const own = this.stored.filter((one) => one.channel === channel);
    for (const old of own.slice(0, Math.max(0, own.length - this.maxPerChannel))) this.stored.splice(this.stored.indexOf(old), 1);
  }

  /** Another channel's oldest message gives way to the stream's size. */
  dropOldest(): void {
    this.stored.shift();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.stored = this.stored.filter(({ atMs }) => atMs + this.maxAgeMs > this.nowMs);
  }

  get epoch(): string {
    return `e${String(this.#generation)}`;
  }

  /** Brings nothing back of what the lower limit took: whoever raises it raises the epoch. */
  raiseLimit(): void {
    this.maxPerChannel += 2;
    this.#generation += 1;
    this.epochFrom = this.lastSequence;
  }

  get info(): StreamInfo {
    const [first] = this.stored;
    const firstSequence = first?.sequence ?? this.lastSequence + 1;
    return { name: "HALLEY_x", epoch: this.epoch, created: "2026-01-01T00:00:00Z", generation: this.#generation, firstSequence, lastSequence: this.lastSequence, firstTimeMs: first?.atMs ?? 0, maxAgeMs: this.maxAgeMs, maxMessagesPerSubject: this.maxPerChannel, leader: undefined, clustered: false, isSingle: true };
  }

  proves(channel: Name, offset: number, epoch = this.epoch): boolean {
    const own = this.stored.filter((one) => one.channel === channel);
    const after = this.stored.find(({ sequence }) => sequence > offset);
    return isProven({ offset, readTo: this.lastSequence, info: this.info, epoch, firstOfChannel: own[0]?.sequence, count: own.length, firstAfterMs: after?.atMs, nowMs: this.nowMs });
  }

  /**
   * Reads the channel from the offset on, as a server does that stores in between (before 2.12): counts, looks up one after
   * another, at most `most`, and counts anew at the end where anything was stored meanwhile. `between` runs before each look-up.
   */
  read(channel: Name, offset: number, most: number, between: () => void): Answer {
    const [from, before] = [Math.max(1, offset), this.lastSequence];
    const left = (sequence: number): readonly Stored[] => this.stored.filter((one) => one.channel === channel && one.sequence >= sequence);
    const counted = left(from).length;
    const sequences: number[] = [];
    let next = from;
    while (sequences.length < most) {
      between();
      const [found] = left(next);
      if (!found) break;
      sequences.push(found.sequence);
      next = found.sequence + 1;
    }
    // It counts down, below 0 too, which is a very large number there.
    const pending = this.lastSequence > before ? left(next).length : counted - sequences.length;
    return { sequences, anchor: sequences[0] === offset ? { count: sequences.length + (pending < 0 ? Infinity : pending) } : undefined };
  }

  provesReading(offset: number, readTo: number, { anchor }: Answer, epoch: string): boolean {
    const after = this.stored.find(({ sequence }) => sequence > offset);
    return isProven({ offset, readTo, info: this.info, epoch, anchor, firstAfterMs: after?.atMs, nowMs: this.nowMs });
  }

  /** Everything that was ever stored on the channel in a stretch. */
  everStored(channel: Name, offset: number, to: number): number[] {
    return this.all.filter((one) => one.channel === channel && one.sequence > offset && one.sequence <= to).map(({ sequence }) => sequence);
  }

  /** Whether everything of the channel after the offset is still there. */
  isWhole(channel: Name, offset: number): boolean {
    return this.all.every((one) => one.channel !== channel || one.sequence <= offset || this.stored.includes(one));
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant("publish" as const), channel: fc.constantFrom(...CHANNELS) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 30_000 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("dropOldest" as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("raiseLimit" as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("lowerLimit" as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function play(steps: readonly Step[], model = new Model()): Model {
  for (const one of steps) {
    if (one.act === "publish") model.publish(one.channel);
    else if (one.act === "wait") model.wait(one.ms);
    else model[one.act]();
  }
  return model;
}

describe("the proof of a recovery, against a model of a stream", () => {
  it("never proves what is lost", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.constantFrom(...CHANNELS), fc.nat(40), (steps, channel, above) => {
        const model = play(steps);
        const offset = model.epochFrom + above;
        if (model.proves(channel, offset)) expect(model.isWhole(channel, offset)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it("proves what a message at or below the position proves, unless what follows is about to expire", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.constantFrom(...CHANNELS), fc.nat(40), (steps, channel, offset) => {
        const model = play(steps);
        const after = model.stored.find(({ sequence }) => sequence > offset);
        const isYoung = after === undefined || after.atMs + model.maxAgeMs - model.nowMs >= EXPIRY_MARGIN_MS;
        const stands = model.stored.some((one) => one.channel === channel && one.sequence <= offset);
        if (offset <= model.lastSequence && stands && isYoung) expect(model.proves(channel, offset)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it("proves from everything that was seen, and from nothing of another history or of its future", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), fc.constantFrom(...CHANNELS), fc.integer({ min: 1, max: 5 }), (steps, channel, beyond) => {
        const model = play(steps);
        expect(model.proves(channel, model.lastSequence, "another")).toBe(false);
        expect(model.proves(channel, model.lastSequence + beyond)).toBe(false);
        const own = model.stored.filter((one) => one.channel === channel);
        if (own.length < model.maxPerChannel) expect(model.proves(channel, model.lastSequence)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it("never proves by an anchor what the reading has missed, whatever is stored and removed while it is read, and after it", () => {
    let proven = 0;
    const turns = fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 })), turns, fc.array(step, { maxLength: 6 }), (steps, [back, most], between, later) => {
        const model = play(steps);
        // A position is most often the offset of a message.
        const own = model.all.filter(({ channel }) => channel === "a");
        const offset = own.at(-1 - (back % Math.max(1, own.length)))?.sequence ?? 0;
        fc.pre(offset >= model.epochFrom);
        const { epoch, lastSequence } = model;
        const turn = between[Symbol.iterator]();
        const answer = model.read("a", offset, most, () => { play(turn.next().value ?? [], model); });
        play(later, model);
        const last = answer.sequences.at(-1) ?? 0;
        const readTo = answer.sequences.length < most || last > lastSequence ? lastSequence : last;
        if (answer.sequences.length < 1 || !model.provesReading(offset, readTo, answer, epoch)) return;
        if (answer.anchor) proven += 1;
        expect(answer.sequences.filter((one) => one > offset && one <= readTo)).toEqual(model.everStored("a", offset, readTo));
      }),
      { numRuns: 5_000 },
    );
    expect(proven).toBeGreaterThan(300);
  });

  it("proves by an anchor what nothing disturbed, however much came on other channels", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.nat(9), (steps, back) => {
        const model = play(steps);
        const stands = model.stored.filter(({ channel }) => channel === "a");
        const offset = stands.at(-1 - (back % Math.max(1, stands.length)))?.sequence ?? 0;
        fc.pre(offset > 0 && offset >= model.epochFrom);
        const answer = model.read("a", offset, 100, () => undefined);
        const after = model.stored.find(({ sequence }) => sequence > offset);
        const isYoung = after === undefined || after.atMs + model.maxAgeMs - model.nowMs >= EXPIRY_MARGIN_MS;
        expect(model.provesReading(offset, model.lastSequence, answer, model.epoch)).toBe(isYoung);
      }),
      { numRuns: 1_000 },
    );
  });
});
