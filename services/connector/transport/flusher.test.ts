import { describe, expect, it } from "vitest";
import { keepErrors } from "../../../test/helpers/errorLog.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import type { Deliverable } from "../channel/turnEnd.js";
import { Flusher } from "./flusher.js";

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A clock and a flusher, and what they did, in order. */
function start(): { clock: FakeClock; flusher: Flusher; errors: object[]; done: string[]; fanout: (name: string) => Deliverable } {
  const clock = new FakeClock();
  const { log, errors } = keepErrors();
  const flusher = new Flusher(log, clock);
  const done: string[] = [];
  const fanout = (name: string): Deliverable => ({
    deliver: () => {
      done.push(name);
      flusher.schedule({ flush: () => { done.push(`${name} written`); }, onFault: () => { done.push(`${name} failed`); } });
    },
  });
  return { clock, flusher, errors, done, fanout };
}

describe("flusher", () => {
  it("hands over at the end of the turn, or a millisecond later, then writes, each once", async () => {
    const { clock, flusher, done, fanout } = start();
    flusher.deliverSoon(fanout("soon"));
    flusher.deliverSoon(fanout("too"));
    flusher.deliverAtEnd(fanout("now"));
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual(["now", "now written"]);
    clock.advance(1);
    expect(done.slice(2)).toEqual(["soon", "too", "soon written", "too written"]);
    clock.advance(100);
    await turn();
    expect([done.length, clock.timers]).toEqual([6, 0]);
  });

  it("tells how long ago a writing ended, if it was the last, and of nothing else", async () => {
    const { clock, flusher, fanout } = start();
    const { writing } = flusher;
    expect(flusher.sinceWritingMs(writing)).toBe(Infinity);
    flusher.deliverAtEnd(fanout("a"));
    await turn();
    clock.advance(3);
    expect(flusher.sinceWritingMs(writing)).toBe(3);
    // Nobody had anything to write.
    flusher.deliverAtEnd({ deliver: () => undefined });
    await turn();
    expect(flusher.sinceWritingMs(writing)).toBe(3);
    flusher.deliverAtEnd(fanout("b"));
    await turn();
    expect([flusher.sinceWritingMs(writing), flusher.sinceWritingMs(flusher.writing - 1)]).toEqual([Infinity, 0]);
  });

  it("goes on when one throws, in this turn and in later ones, and tells who could not be written to", async () => {
    const { flusher, errors, done, fanout } = start();
    const fail = (): never => { throw new Error("for this test"); };
    flusher.deliverAtEnd({ deliver: fail });
    flusher.schedule({ flush: fail, onFault: () => { done.push("closed"); } });
    flusher.deliverAtEnd(fanout("other"));
    await turn();
    expect(done).toEqual(["other", "closed", "other written"]);
    expect(errors).toMatchObject([{ err: { message: "for this test" }, faults: 1 }, { faults: 1 }]);
    flusher.deliverAtEnd(fanout("later"));
    await turn();
    expect(done.slice(3)).toEqual(["later", "later written"]);
  });

  it("hands over what waits when it is closed", () => {
    const { clock, flusher, done, fanout } = start();
    flusher.deliverSoon(fanout("late"));
    flusher.close();
    flusher.close();
    expect([done, clock.timers]).toEqual([["late", "late written"], 0]);
  });
});
