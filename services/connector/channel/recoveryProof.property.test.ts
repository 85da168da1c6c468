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

/** A stream as JetStream keeps it: oldest out first, by age, by size, by the limit of a channel, which may be raised. */
class Model {
  readonly maxAgeMs = 60_000;
  maxPerChannel = 4;
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
    return { name: "HALLEY_x", epoch: this.epoch, created: "2026-01-01T00:00:00Z", generation: this.#generation, firstSequence, lastSequence: this.lastSequence, firstTimeMs: first?.atMs ?? 0, maxAgeMs: this.maxAgeMs, maxMessagesPerSubject: this.maxPerChannel, leader: undefined, clustered: false };
  }

  proves(channel: Name, offset: number, epoch = this.epoch): boolean {
    const own = this.stored.filter((one) => one.channel === channel);
    const after = this.stored.find(({ sequence }) => sequence > offset);
    return isProven({ offset, readTo: this.lastSequence, info: this.info, epoch, firstOfChannel: own[0]?.sequence, count: own.length, firstAfterMs: after?.atMs, nowMs: this.nowMs });
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
);

function play(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Model {
  const model = new Model();
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
});
