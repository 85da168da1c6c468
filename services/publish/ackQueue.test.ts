import { describe, expect, it } from "vitest";
import { AckQueue } from "./ackQueue.js";

interface Ack {
  readonly n: number;
}

/** Runs everything that is ready to run. */
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const ack = (n: number): Promise<Ack> => Promise.resolve({ n });

describe("ack queue", () => {
  it("gives acknowledgements in the order of their messages, not of their coming, and together what is there", async () => {
    const queue = new AckQueue<Ack>(10);
    let later: (value: Ack) => void = () => undefined;
    queue.push(ack(1));
    queue.push(new Promise((resolve) => { later = resolve; }));
    queue.push(ack(3));
    queue.push(ack(4));
    queue.end();
    const got: number[][] = [];
    const reading = (async () => { for await (const piece of queue) got.push(piece.map(({ n }) => n)); })();
    await settle();
    expect(got).toEqual([[1]]);
    later({ n: 2 });
    await reading;
    expect(got).toEqual([[1], [2, 3, 4]]);
  });

  it("holds the one who pushes at the limit, until acknowledgements are taken", async () => {
    const queue = new AckQueue<Ack>(2);
    let later: (value: Ack) => void = () => undefined;
    queue.push(ack(1));
    expect([queue.hasRoom, await queue.room()]).toEqual([true, true]);
    queue.push(new Promise((resolve) => { later = resolve; }));
    let went = false;
    const waiting = queue.room().then((open) => { went = open; });
    await settle();
    expect([queue.hasRoom, went, queue.size]).toEqual([false, false, 2]);
    const reading = queue[Symbol.asyncIterator]();
    await reading.next();
    await waiting;
    expect([queue.hasRoom, went, queue.size]).toEqual([true, true, 1]);
    later({ n: 2 });
    await reading.next();
    expect(queue.size).toBe(0);
  });

  it("throws a failure behind the last acknowledgement", async () => {
    const queue = new AckQueue<Ack>(2);
    let later: (value: Ack) => void = () => undefined;
    queue.push(new Promise((resolve) => { later = resolve; }));
    queue.end(new Error("cut"));
    const reading = queue[Symbol.asyncIterator]();
    const first = reading.next();
    await settle();
    later({ n: 1 });
    expect((await first).value).toEqual([{ n: 1 }]);
    await expect(reading.next()).rejects.toThrow("cut");
  });

  it("lets the one who pushes go when nobody reads any more", async () => {
    const queue = new AckQueue<Ack>(1);
    queue.push(ack(1));
    const reading = queue[Symbol.asyncIterator]();
    await reading.next();
    queue.push(ack(2));
    const waiting = queue.room();
    await reading.return();
    expect(await waiting).toBe(false);
    expect([queue.hasRoom, await queue.room()]).toEqual([false, false]);
  });
});
