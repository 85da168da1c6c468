import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { NamespaceProofs } from "./namespaceProofs.js";
import { TICK_HOLD_MS, TickProofs } from "./tickProofs.js";

describe("tick proofs", () => {
  let clock: FakeClock;
  let proofs: NamespaceProofs;
  let ticks: TickProofs;

  beforeEach(() => {
    clock = new FakeClock();
    proofs = new NamespaceProofs(clock);
    ticks = new TickProofs(proofs, clock);
  });

  it("prove up to a tick when a later one has come, as of when the first came", () => {
    const atMs = clock.monotonicMs();
    ticks.saw(10);
    expect(proofs.newest.sequence).toBe(0);
    clock.advance(3_000);
    ticks.saw(20);
    expect(proofs.newest).toMatchObject({ sequence: 10, atMs });
    clock.advance(3_000);
    ticks.saw(30);
    expect(proofs.newest).toMatchObject({ sequence: 20, atMs: atMs + 3_000 });
  });

  it("prove nothing by a tick that comes close behind, and go on with the next", () => {
    ticks.saw(10);
    clock.advance(TICK_HOLD_MS - 1);
    ticks.saw(11);
    expect(proofs.newest.sequence).toBe(0);
    clock.advance(1);
    ticks.saw(12);
    expect(proofs.newest.sequence).toBe(10);
    clock.advance(TICK_HOLD_MS);
    ticks.saw(13);
    expect(proofs.newest.sequence).toBe(12);
  });

  it("hold for channels that were live when the tick came, not for those that became so before the later one", () => {
    ticks.saw(10);
    const { begun } = proofs;
    clock.advance(3_000);
    ticks.saw(20);
    expect(proofs.newest.serial).toBeLessThanOrEqual(begun);
    clock.advance(3_000);
    ticks.saw(30);
    expect(proofs.newest.serial).toBeGreaterThan(begun);
  });

  it("prove nothing of another history", () => {
    ticks.saw(1_000);
    proofs.forget();
    clock.advance(3_000);
    ticks.saw(10);
    expect(proofs.newest.sequence).toBe(0);
    clock.advance(3_000);
    ticks.saw(20);
    expect(proofs.newest.sequence).toBe(10);
  });
});
