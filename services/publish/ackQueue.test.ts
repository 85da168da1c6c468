import { describe, expect, it } from "vitest";
import { AckQueue } from "./ackQueue.js";

/** Runs everything that is ready to run. */
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe("ack queue", () => {
  it("gives acknowledgements in the order of their messages, not of their coming", async () => {
    const queue = new AckQueue<number>(10);
    let later: (value: number) => void = () => undefined;
    await queue.push(new Promise((resolve) => { later = resolve; }));
    await queue.push(Promise.resolve(2));
    queue.end();
    const got: number[] = [];
    const reading = (async () => { for await (const ack of queue) got.push(ack); })();
    await settle();
    expect(got).toEqual([]);
    later(1);
    await reading;
    expect(got).toEqual([1, 2]);
  });

  it("holds the one who pushes at the limit, until an acknowledgement is taken", async () => {
    const queue = new AckQueue<number>(2);
    expect(await queue.push(Promise.resolve(1))).toBe(true);
    let pushed = false;
    const waiting = queue.push(Promise.resolve(2)).then((open) => { pushed = open; });
    await settle();
    expect([pushed, queue.size]).toEqual([false, 2]);
    const reading = queue[Symbol.asyncIterator]();
    await reading.next();
    await settle();
    expect(pushed).toBe(false);
    await reading.next();
    await waiting;
    expect([pushed, queue.size]).toEqual([true, 1]);
  });

  it("throws a failure behind the last acknowledgement", async () => {
    const queue = new AckQueue<number>(2);
    await queue.push(Promise.resolve(1));
    queue.end(new Error("cut"));
    const reading = queue[Symbol.asyncIterator]();
    expect((await reading.next()).value).toBe(1);
    await expect(reading.next()).rejects.toThrow("cut");
  });

  it("lets the one who pushes go when nobody reads any more", async () => {
    const queue = new AckQueue<number>(1);
    const waiting = queue.push(Promise.resolve(1));
    const reading = queue[Symbol.asyncIterator]();
    await reading.next();
    await reading.return();
    expect(await waiting).toBe(false);
    expect(await queue.push(Promise.resolve(2))).toBe(false);
  });
});
