import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gapRule } from "./gapRule.js";

const step = fc.record({ act: fc.constantFrom("store", "store", "store", "lose", "expire", "repeat", "tick"), elsewhere: fc.nat(3) });

/** One channel of a stream, and a follower that gets its messages unless they are lost on the way. */
class Model {
  /** What was ever stored, and what still is. */
  readonly all: number[] = [];
  stored: number[] = [];
  #sequence = 0;
  /** What the follower was given, in order. */
  readonly delivered: number[] = [];
  #last = 0;
  #proven = 0;

  store(elsewhere: number, isLost: boolean): void {
    this.#sequence += 1 + elsewhere;
    const message = { sequence: this.#sequence, previous: this.stored.at(-1) ?? 0 };
    this.stored.push(message.sequence);
    this.all.push(message.sequence);
    if (!isLost) this.take(message);
  }

  take(message: { readonly sequence: number; readonly previous: number }): void {
    const verdict = gapRule(message, this.#last, this.#proven);
    if (verdict === "drop") {
      expect(this.delivered).toContain(message.sequence);
      return;
    }
    // Nothing is read again, and nobody asked, where the message itself says enough.
    if (message.previous > 0) expect(verdict).toBe(message.previous > this.#last ? "repair" : "deliver");
    else if (this.#proven >= message.sequence - 1) expect(verdict).toBe("deliver");
    if (verdict === "deliver") {
      // Nothing that is still stored may have been passed over, and nothing that came and went unseen.
      const between = this.all.filter((sequence) => sequence > this.#last && sequence < message.sequence);
      expect(between).toEqual([]);
    } else {
      const missing = this.stored.filter((sequence) => sequence > this.#last && sequence < message.sequence);
      if (verdict === "repair") expect(missing).not.toEqual([]);
      this.delivered.push(...missing);
    }
    this.delivered.push(message.sequence);
    this.#last = message.sequence;
    this.#proven = Math.max(this.#proven, message.sequence);
  }

  repeat(): void {
    const sequence = this.delivered.at(-1);
    if (sequence !== undefined) this.take({ sequence, previous: this.stored.filter((one) => one < sequence).at(-1) ?? 0 });
  }

  /** The limits take all but the newest `left`. Lost ones among them are beyond repair. */
  expire(left: number): void {
    this.stored = left === 0 ? [] : this.stored.slice(-left);
  }

  /** Everything up to here is proven to have been seen, where that is so. */
  tick(): void {
    if (this.all.every((sequence) => sequence <= this.#last)) this.#proven = this.#sequence;
  }
}

describe("the gap rule, against a channel that loses messages on the way", () => {
  it("delivers only what follows, asks or repairs where something may be missing, and drops only what was seen", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const model = new Model();
        for (const { act, elsewhere } of steps) {
          if (act === "store" || act === "lose") model.store(elsewhere, act === "lose");
          else if (act === "expire") model.expire(elsewhere);
          else if (act === "repeat") model.repeat();
          else model.tick();
        }
        expect(model.delivered).toEqual([...model.delivered].sort((a, b) => a - b));
        expect(new Set(model.delivered).size).toBe(model.delivered.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
