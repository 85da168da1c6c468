import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { NamespaceProofs } from "./namespaceProofs.js";
import { Standing } from "./standing.js";

const step = fc.record({ act: fc.constantFrom("store", "lose", "elsewhere", "begin", "complete", "leave", "enter", "distrust", "wait"), by: fc.integer({ min: 1, max: 4 }) });

/**
 * A namespace whose proofs hold for the channels that were live when they were begun: what such a channel had not seen by
 * then is being read. The model knows which sequences the channel's messages have and which of them the follower was given.
 */
class Model {
  readonly #clock = new FakeClock();
  readonly #proofs = new NamespaceProofs(this.#clock);
  readonly #standing = new Standing(this.#proofs, this.#clock);
  #sequence = 0;
  #unseen: number[] = [];
  #isLive = false;
  #begun: { readonly serial: number; holds: boolean } | undefined;

  constructor() {
    this.#standing.begin("e", 0, 0);
  }

  run({ act, by }: { act: string; by: number }): void {
    const before = this.#standing.proven;
    if (act === "store" || act === "lose") {
      this.#sequence += by;
      if (this.#isLive && act === "store" && this.#unseen.length === 0) this.#standing.see(this.#sequence);
      else this.#unseen.push(this.#sequence);
    } else if (act === "elsewhere") this.#sequence += by;
    else if (act === "begin") this.#begun = { serial: this.#proofs.begin(), holds: this.#isLive };
    else if (act === "complete") this.#complete();
    else if (act === "leave" || act === "distrust") {
      if (act === "leave") this.#standing.leaveLive();
      else this.#standing.distrust();
      this.#standing.leaveLive();
      this.#isLive = false;
      if (this.#begun) this.#begun.holds = false;
    } else if (act === "enter") this.#enter();
    else this.#clock.advance(by);
    this.#check(before);
  }

  /** A proof finds what channels lack that have been live since it was begun, and they read it before it is complete. */
  #complete(): void {
    const proof = this.#begun;
    if (!proof) return;
    this.#begun = undefined;
    if (proof.holds) this.#catchUp();
    this.#proofs.complete(proof.serial, this.#sequence);
  }

  #enter(): void {
    if (this.#isLive) return;
    this.#catchUp();
    this.#standing.trustAfter(this.#proofs.begun);
    this.#standing.enterLive();
    this.#isLive = true;
  }

  #catchUp(): void {
    for (const sequence of this.#unseen) this.#standing.see(sequence);
    this.#unseen = [];
  }

  #check(before: number): void {
    const { last, proven, watermark } = this.#standing;
    expect(proven).toBeGreaterThanOrEqual(last);
    expect(proven).toBeGreaterThanOrEqual(before);
    expect(proven).toBeLessThanOrEqual(this.#sequence);
    // Nothing of the channel that was not seen is below what is said to be proven.
    expect(this.#unseen.every((sequence) => sequence > proven)).toBe(true);
    if (!this.#isLive) expect(watermark).toBeUndefined();
  }
}

describe("a standing, against a channel and the proofs of its namespace", () => {
  it("never proves past what was not seen, and never goes back", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const model = new Model();
        for (const one of steps) model.run(one);
      }),
      { numRuns: 500 },
    );
  });
});
