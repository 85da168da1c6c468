import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { ConnectionSet } from "./connectionSet.js";

/** Counts how often it is looked at, and what it is forgiven. */
class Watched {
  ticks = 0;
  forgivenMs = 0;

  tick(): void {
    this.ticks += 1;
  }

  forgive(lostMs: number): void {
    this.forgivenMs += lostMs;
  }
}

/** A clock whose timers come late, all at once, when the process stood still. */
class StoppableClock extends FakeClock {
  #lostMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#lostMs;
  }

  /** Time passes, and no timer runs. */
  standStill(ms: number): void {
    this.#lostMs += ms;
  }
}

function start(count: number): { clock: StoppableClock; set: ConnectionSet<Watched>; all: Watched[] } {
  const clock = new StoppableClock();
  const set = new ConnectionSet<Watched>(clock);
  const all = Array.from({ length: count }, () => new Watched());
  for (const one of all) set.add(one);
  return { clock, set, all };
}

describe("the connections of a connector", () => {
  it("are looked at once a second each, a twentieth at a time, until they go", () => {
    const { clock, set, all } = start(100);
    const looks = (): number => all.reduce((sum, { ticks }) => sum + ticks, 0);
    clock.advance(50);
    expect(looks()).toBe(5);
    clock.advance(950);
    expect(all.every(({ ticks }) => ticks === 1)).toBe(true);
    const [gone] = all;
    if (gone) set.delete(gone);
    clock.advance(9_000);
    expect([set.size, [...set].length, gone?.ticks, looks()]).toEqual([99, 99, 1, 1 + 99 * 10]);
    set.stop();
    expect(clock.timers).toBe(0);
  });

  it("are looked at once a second also where timers come late", () => {
    const { clock, all } = start(40);
    for (let turns = 0; turns < 50; turns++) {
      clock.standStill(150);
      clock.advance(50);
    }
    for (const { ticks } of all) expect(Math.abs(ticks - 10)).toBeLessThanOrEqual(1);
  });

  it("are forgiven what the process stood still for, and judged a second later; but not twice in a row", () => {
    const { clock, all } = start(40);
    clock.standStill(5_000);
    clock.advance(50);
    expect(all.every(({ ticks, forgivenMs }) => ticks === 0 && forgivenMs === 5_000)).toBe(true);
    clock.advance(900);
    expect(all.every(({ ticks }) => ticks === 0)).toBe(true);
    clock.standStill(3_000);
    clock.advance(150);
    expect(all.every(({ ticks, forgivenMs }) => ticks >= 1 && forgivenMs === 5_000)).toBe(true);
    clock.standStill(2_000);
    clock.advance(50);
    expect(all.every(({ forgivenMs }) => forgivenMs === 7_000)).toBe(true);
  });
});
