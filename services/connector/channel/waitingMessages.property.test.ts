import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BusMessage } from "../../../lib/bus/bus.js";
import { WaitingMessages } from "./waitingMessages.js";

const BOUNDS = { waitingMessages: 6, waitingBytes: 40 };
const step = fc.record({ act: fc.constantFrom("add", "add", "add", "add", "shift", "until", "all", "clear", "drop"), bytes: fc.nat(12), at: fc.nat(5) });

const message = (n: number, bytes: number): BusMessage => ({ subject: String(n), data: Buffer.alloc(0), size: () => bytes, respond: () => false });

describe("waiting messages, against a list", () => {
  it("are all there, in order, or none, and never more than the bounds and one message", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const waiting = new WaitingMessages(BOUNDS);
        let model: { n: number; bytes: number }[] = [];
        let hasOverflowed = false;
        const size = (): number => model.reduce((sum, { bytes }) => sum + bytes, 0);
        for (const [n, { act, bytes, at }] of steps.entries()) {
          if (act === "add") {
            waiting.add(message(n, bytes));
            if (!hasOverflowed && (model.length >= BOUNDS.waitingMessages || size() >= BOUNDS.waitingBytes)) {
              model = [];
              hasOverflowed = true;
            } else if (!hasOverflowed) model.push({ n, bytes });
          } else if (act === "shift") {
            waiting.shift();
            model.shift();
          } else if (act === "until" || act === "all") {
            const stop = act === "all" ? undefined : model[at]?.n;
            const taken: number[] = [];
            const found = waiting.takeUntil(({ subject }) => {
              if (subject === String(stop)) return subject;
              taken.push(Number(subject));
              return undefined;
            });
            const end = stop === undefined ? model.length : at;
            expect(taken).toEqual(model.slice(0, end).map((one) => one.n));
            expect(found).toBe(stop === undefined ? undefined : String(stop));
            model = model.slice(end);
            hasOverflowed = false;
          } else {
            if (act === "clear") waiting.clear();
            else waiting.drop();
            model = [];
            hasOverflowed = act === "drop";
          }
          expect(waiting.hasOverflowed).toBe(hasOverflowed);
          expect(waiting.first?.subject).toBe(model[0] ? String(model[0].n) : undefined);
          expect(model.length).toBeLessThanOrEqual(BOUNDS.waitingMessages);
        }
      }),
      { numRuns: 500 },
    );
  });
});
