import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAhead } from "./readAhead.js";
import type { StoredMessage } from "./storedMessage.js";

const message = (sequence: number, bytes: number): StoredMessage => ({ sequence, data: new Uint8Array(bytes) }) as StoredMessage;

describe("readAhead", () => {
  it("reads what a scan would: all of the range, in order, once, up to its limits, with few questions", async () => {
    const stored = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 300 });
    const bounds = { from: fc.integer({ min: 1, max: 410 }), to: fc.integer({ min: 0, max: 410 }), maxMessages: fc.integer({ min: 1, max: 300 }), maxBytes: fc.integer({ min: 1, max: 4_000 }) };
    await fc.assert(
      fc.asyncProperty(stored, fc.record(bounds), fc.integer({ min: 0, max: 50 }), fc.func(fc.integer({ min: 0, max: 9 })), async (sequences, limits, bytes, whim) => {
        const log = sequences.sort((a, b) => a - b).map((sequence) => message(sequence, bytes));
        const next = (sequence: number): Promise<StoredMessage | undefined> => Promise.resolve(log.find((one) => one.sequence >= sequence));
        let [underWay, most] = [0, 0];
        const direct = async (sequence: number): Promise<StoredMessage | undefined> => {
          most = Math.max(most, ++underWay);
          await Promise.resolve();
          underWay -= 1;
          // Now and then it doesn't know.
          return whim(sequence) === 0 ? undefined : next(sequence);
        };
        const range = { subject: "halley.pub.chat.x", ...limits };
        const expected: StoredMessage[] = [];
        let size = 0;
        for (const one of log.filter(({ sequence }) => sequence >= range.from && sequence <= range.to)) {
          if (expected.length >= range.maxMessages || size >= range.maxBytes) break;
          expected.push(one);
          size += bytes;
        }
        expect((await readAhead({ direct, leader: next }, range)).map(({ sequence }) => sequence)).toEqual(expected.map(({ sequence }) => sequence));
        expect(most).toBeLessThanOrEqual(64);
      }),
      { numRuns: 500 },
    );
  });

  it("asks little more than once where messages are far apart, and for as many as fit where they are large", async () => {
    const asked: number[] = [];
    const log = Array.from({ length: 100 }, (_, at) => message(1_000 * (at + 1), 10_000));
    const next = (sequence: number): Promise<StoredMessage | undefined> => Promise.resolve(log.find((one) => one.sequence >= sequence));
    const direct = (sequence: number): Promise<StoredMessage | undefined> => {
      asked.push(sequence);
      return next(sequence);
    };
    await readAhead({ direct, leader: next }, { subject: "x", from: 1, to: 100_000, maxMessages: 1_000, maxBytes: 1e9 });
    expect(asked.length).toBeLessThan(160);
    const dense = Array.from({ length: 1_000 }, (_, at) => message(at + 1, 10_000));
    asked.length = 0;
    await readAhead({ direct: (sequence) => (asked.push(sequence), Promise.resolve(dense[sequence - 1])), leader: next }, { subject: "x", from: 1, to: 1_000, maxMessages: 1_000, maxBytes: 200_000 });
    expect(asked.length).toBeLessThanOrEqual(20 + 1);
  });
});
