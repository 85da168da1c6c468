import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../../lib/log.js";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import { readMessages } from "../../../test/helpers/readMessages.js";
import { Batch } from "../channel/batch.js";
import { Publication } from "../channel/publication.js";
import { CLOSE } from "../protocol/closeCodes.js";
import { jsonCodec } from "../protocol/jsonCodec.js";
import { Flusher } from "./flusher.js";
import { SocketWriter } from "./socketWriter.js";

const QUEUE = 4_000;
const REPLIES = 8_000;
const LARGEST = 2_000;
const MOST_TOGETHER = 3;

/** A client's end of a socket, which takes one write at a time when it is told to. */
class Peer extends Duplex {
  readonly received: Buffer[] = [];
  #waiting: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received.push(chunk);
    this.#waiting = done;
  }

  override _read(): void {
    // Sends nothing.
  }

  /** Gives whether there was anything to take. */
  takeOne(): boolean {
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.();
    return done !== undefined;
  }

  get lines(): string[] {
    return readMessages(Buffer.concat(this.received)).flatMap(({ payload }) => payload.toString("utf8").split("\n"));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const step = fc.record({ act: fc.constantFrom("publish", "publish", "publish", "send", "take", "turn", "drained"), writer: fc.nat(2), size: fc.integer({ min: 1, max: LARGEST }) });

/** A writer, and what it must have written. */
class Line {
  readonly peer: Peer;
  readonly writer: SocketWriter;
  readonly expected: string[] = [];
  overruns = 0;
  waiters = 0;

  constructor(flusher: Flusher, highWaterMark: number) {
    this.peer = new Peer({ highWaterMark });
    const onOverrun = (): void => { this.overruns += 1; };
    this.writer = new SocketWriter({ socket: this.peer, flusher, chain: flusher.chainOf(jsonCodec), limits: { queueBytes: QUEUE, replyQueueBytes: REPLIES }, owner: { onOverrun, onBlocked: () => undefined, onFault: () => undefined } });
  }

  publish(batch: Batch): void {
    const before = this.writer.queuedBytes;
    const isTaken = this.writer.publish(batch);
    expect(isTaken).toBe(before < QUEUE);
    if (isTaken) this.expected.push(...batch.publications.map(({ json }) => `{"publication":${json}}`));
    expect(this.writer.queuedBytes).toBeLessThan(QUEUE + REPLIES + MOST_TOGETHER * (LARGEST + 200));
  }

  send(id: number, size: number): void {
    const frame = { kind: "unsubscribed", id, channel: "x".repeat(size), reason: "" } as const;
    const before = this.overruns;
    this.writer.send(frame);
    this.expected.push(jsonCodec.encode(frame).toString("utf8"));
    const isFull = this.writer.queuedBytes > REPLIES && this.peer.writableNeedDrain;
    expect(this.overruns - before).toBe(isFull ? 1 : 0);
  }

  wait(): void {
    this.waiters += 1;
    void this.writer.drained().then(() => { this.waiters -= 1; });
  }

  async takeAll(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      if (this.peer.takeOne()) idle = 0;
      else idle += 1;
      await turn();
    }
  }
}

describe("socket writers, against lists of what was queued", () => {
  it("write every frame once, in order, refuse at their bound only, and tell all who wait", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), fc.constantFrom(1, 500, 100_000), async (steps, highWaterMark) => {
        const flusher = new Flusher(silentLog);
        const lines = Array.from({ length: 3 }, () => new Line(flusher, highWaterMark));
        for (const [at, { act, writer, size }] of steps.entries()) {
          const line = lines[writer]!;
          // The same publications for all, as a channel gives it, or for all but one, who is not subscribed.
          if (act === "publish") {
            const batch = batchOf(10 * at, size);
            for (const [index, one] of lines.entries()) if (index !== writer || size % 2 === 0) one.publish(batch);
          } else if (act === "send") {
            if (line.writer.queuedBytes < REPLIES) line.send(at + 1, size);
          } else if (act === "take") line.peer.takeOne();
          else if (act === "drained") line.wait();
          else await turn();
          // Congested is only who will be told.
          for (const { writer: one, peer } of lines) if (one.congested) expect(one.queuedBytes > 0 && (peer.writableNeedDrain || one.queuedBytes > peer.writableLength)).toBe(true);
        }
        for (const line of lines) {
          await line.takeAll();
          expect(line.peer.lines).toEqual(line.expected);
          expect([line.writer.queuedBytes, line.writer.congested, line.waiters]).toEqual([0, false, 0]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("write the last frame last, whatever waits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20, size: "max" }), fc.constantFrom(1, 500, 100_000), async (steps, highWaterMark) => {
        const line = new Line(new Flusher(silentLog), highWaterMark);
        for (const [at, { act, size }] of steps.entries()) {
          if (act === "publish") line.publish(batchOf(10 * at, size));
          else if (act === "take") line.peer.takeOne();
          else if (act === "turn") await turn();
        }
        line.writer.finish({ kind: "disconnect", close: CLOSE.draining, afterMs: 0 });
        expect(line.writer.publish(batchOf(990, 1))).toBe(false);
        await line.takeAll();
        const { lines } = line.peer;
        expect(lines.at(-1)).toContain('"disconnect"');
        // What gives way to it is what came last.
        expect(lines.slice(0, -1)).toEqual(line.expected.slice(0, lines.length - 1));
      }),
      { numRuns: 150 },
    );
  });
});

const made = new Map<string, Publication>();

/** One to three publications, above an offset. */
function batchOf(before: number, size: number): Batch {
  const rest = Array.from({ length: size % MOST_TOGETHER }, (_, at) => publicationOf(before + at + 2, size));
  return new Batch([publicationOf(before + 1, size), ...rest], before);
}

function publicationOf(offset: number, size: number): Publication {
  const key = `${String(offset)} ${String(size)}`;
  const publication = made.get(key) ?? new Publication({ channel: "c", offset, type: "", payload: new UntypedPayload(JSON.stringify("x".repeat(size))), sender: "", time: "", tags: undefined });
  made.set(key, publication);
  return publication;
}
