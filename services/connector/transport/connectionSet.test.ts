import { describe, expect, it } from "vitest";
import type { Timer } from "../../../lib/clock.js";
import { silentLog } from "../../../lib/log.js";
import { keepErrors } from "../../../test/helpers/errorLog.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { ConnectionSet, type Watched } from "./connectionSet.js";

/** Counts how often it is looked at, and what it is forgiven; wants to be looked at again after `everyMs`. */
class Counting implements Watched {
  slot = -1;
  looks = 0;
  faults = 0;
  forgivenMs = 0;
  everyMs = 1_000;
  onLook: () => void = () => undefined;

  look(): number {
    this.looks += 1;
    this.onLook();
    return this.everyMs;
  }

  onFault(): void {
    this.faults += 1;
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

/** A clock of a busy process: an interval runs so much after its time, and counts from there. */
class BusyClock extends FakeClock {
  readonly #lateMs: number;

  constructor(lateMs: number) {
    super();
    this.#lateMs = lateMs;
  }

  override every(intervalMs: number, callback: () => void): Timer {
    return super.every(intervalMs + this.#lateMs, callback);
  }
}

function start(count: number): { clock: StoppableClock; set: ConnectionSet<Counting>; all: Counting[]; errors: object[] } {
  const clock = new StoppableClock();
  const { log, errors } = keepErrors();
  const set = new ConnectionSet<Counting>(clock, log);
  const all = Array.from({ length: count }, () => new Counting());
  for (const one of all) set.add(one);
  return { clock, set, all, errors };
}

describe("the connections of a connector", () => {
  it("are looked at within a second, then when they want to be, until they go", () => {
    const { clock, set, all } = start(4);
    const [often, seldom, never, gone] = all as [Counting, Counting, Counting, Counting];
    Object.assign(often, { everyMs: 0 });
    Object.assign(seldom, { everyMs: 10_000 });
    Object.assign(never, { everyMs: Infinity });
    clock.advance(1_000);
    expect(all.map(({ looks }) => looks)).toEqual([1, 1, 1, 1]);
    set.delete(gone);
    set.delete(gone);
    clock.advance(20_000);
    expect(all.map(({ looks }) => looks)).toEqual([401, 3, 1, 1]);
    clock.advance(20_000);
    // None is left alone for longer than half a minute.
    expect([seldom.looks, never.looks, set.size, [...set].length]).toEqual([5, 2, 3, 3]);
    set.stop();
    expect(clock.timers).toBe(0);
  });

  it("are looked at soon when something of them has changed, and not the later for it", () => {
    const { clock, set, all } = start(2);
    const [changed, due] = all as [Counting, Counting];
    for (const one of all) one.everyMs = 20_000;
    clock.advance(1_000);
    due.everyMs = 400;
    set.soon(changed);
    set.soon(due);
    clock.advance(1_000);
    expect([changed.looks, due.looks]).toEqual([2, 2]);
    set.soon(due);
    set.soon(due);
    clock.advance(400);
    expect([changed.looks, due.looks]).toEqual([2, 3]);
  });

  it("may go, come and change while they are looked at", () => {
    const { clock, set, all } = start(3);
    const [leaving, asking] = all as [Counting, Counting, Counting];
    const comer = new Counting();
    leaving.onLook = () => { set.delete(leaving); };
    asking.onLook = () => {
      set.soon(asking);
      if (comer.slot < 0) set.add(comer);
    };
    clock.advance(4_000);
    expect([leaving.looks, asking.looks >= 3, comer.looks >= 2, set.size]).toEqual([1, true, true, 3]);
  });

  it("that throw when they are looked at are told so, and keep nobody else from being looked at", () => {
    const { clock, all, errors } = start(3);
    const [before, throwing, behind] = all as [Counting, Counting, Counting];
    throwing.onLook = () => { throw new Error("for this test"); };
    clock.advance(1_000);
    expect(all.map(({ looks, faults }) => [looks, faults])).toEqual([[1, 0], [1, 1], [1, 0]]);
    expect(errors).toMatchObject([{ err: { message: "for this test" }, faults: 1 }]);
    throwing.onLook = () => undefined;
    clock.advance(3_000);
    expect([before.looks >= 3, throwing.looks >= 3, behind.looks >= 3, throwing.faults]).toEqual([true, true, true, 1]);
  });

  it("are looked at in time also where timers come late", () => {
    const { clock, all } = start(40);
    for (let turns = 0; turns < 50; turns++) {
      clock.standStill(150);
      clock.advance(50);
    }
    for (const { looks } of all) expect(Math.abs(looks - 10)).toBeLessThanOrEqual(1);
  });

  it("are looked at in time also where every timer is a little late", () => {
    const clock = new BusyClock(24);
    const set = new ConnectionSet<Counting>(clock, silentLog);
    const one = new Counting();
    one.everyMs = 25_000;
    let lookedAtMs = NaN;
    const gapsMs: number[] = [];
    one.onLook = () => {
      if (!Number.isNaN(lookedAtMs)) gapsMs.push(clock.monotonicMs() - lookedAtMs);
      lookedAtMs = clock.monotonicMs();
    };
    set.add(one);
    clock.advance(600_000);
    expect(gapsMs.length).toBeGreaterThan(20);
    for (const gapMs of gapsMs) expect(Math.abs(gapMs - 25_000)).toBeLessThan(100);
  });

  it("are forgiven what the process stood still for, and judged a second later; but not twice in a row", () => {
    const { clock, all } = start(40);
    clock.standStill(5_000);
    clock.advance(50);
    expect(all.every(({ looks, forgivenMs }) => looks === 0 && forgivenMs === 5_000)).toBe(true);
    clock.advance(900);
    expect(all.every(({ looks }) => looks === 0)).toBe(true);
    clock.standStill(3_000);
    clock.advance(150);
    expect(all.every(({ looks, forgivenMs }) => looks >= 1 && forgivenMs === 5_000)).toBe(true);
    clock.standStill(2_000);
    clock.advance(50);
    expect(all.every(({ forgivenMs }) => forgivenMs === 7_000)).toBe(true);
  });
});
