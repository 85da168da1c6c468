import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMessages } from "../../../test/helpers/readMessages.js";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import { Batch } from "../channel/batch.js";
import { Publication } from "../channel/publication.js";
import { binaryCodec } from "../protocol/binaryCodec.js";
import type { Codec } from "../protocol/codec.js";
import { jsonCodec } from "../protocol/jsonCodec.js";
import { FrameChain, type FrameLink } from "./frameChain.js";
import { allocateMessage } from "./webSocketMessage.js";

const publication = (offset: number, text = ""): Publication =>
  new Publication({ channel: "chat.x", offset, type: "", payload: new UntypedPayload(JSON.stringify(text)), sender: "", time: "", tags: undefined });

describe("a WebSocket message", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])("of %i bytes is framed as RFC 6455 says", (length) => {
    for (const binary of [false, true]) {
      const { message, payloadAt } = allocateMessage(length, binary);
      message.fill(0x61, payloadAt);
      const [read, ...more] = readMessages(message);
      expect([read?.opcode, read?.payload.length, more]).toEqual([binary ? 2 : 1, length, []]);
      expect(read?.payload.every((byte) => byte === 0x61)).toBe(true);
    }
  });
});

describe.each<readonly [string, Codec]>([
  ["JSON", jsonCodec],
  ["binary", binaryCodec],
])("a chain of %s frames", (_name, codec) => {
  const joined = (frames: readonly Buffer[]): Buffer =>
    Buffer.concat(frames.flatMap((frame, at) => (at === 0 ? [frame] : [codec.separator, frame])));

  it("gives each of several queues its own frames, in order, and equal queues the same buffer", () => {
    const step = fc.record({ queues: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }), kind: fc.constantFrom("own", "one", "together"), size: fc.constantFrom(0, 10, 200, 70_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const chain = new FrameChain(codec);
        const queues = Array.from({ length: 5 }, (): { link: FrameLink | undefined; frames: Buffer[]; names: string } => ({ link: undefined, frames: [], names: "" }));
        for (const [at, { queues: chosen, kind, size }] of steps.entries()) {
          const pushed = publication(3 * at + 1, "x".repeat(size));
          const batch = new Batch([pushed, publication(3 * at + 2), publication(3 * at + 3)], 3 * at);
          for (const number of new Set(chosen)) {
            const queue = queues[number]!;
            if (kind === "own") {
              const frame = codec.encode({ kind: "unsubscribed", id: number + 1, channel: "chat.x", reason: "" });
              queue.link = chain.addFrame(queue.link, frame);
              queue.frames.push(frame);
              queue.names += ` own${String(at)}/${String(number)}`;
            } else {
              const publications = kind === "one" ? [pushed] : batch.publications;
              queue.link = kind === "one" ? chain.addPublication(queue.link, pushed) : chain.addBatch(queue.link, batch);
              queue.frames.push(...publications.map((one) => codec.encode({ kind: "publication", publication: one })));
              queue.names += ` ${String(at)}`;
            }
          }
        }
        const messages = new Map<string, Buffer>();
        for (const { link, frames, names } of queues) {
          if (!link) continue;
          const message = link.message(codec);
          expect(messages.get(names) ?? message).toBe(message);
          messages.set(names, message);
          const [read, ...more] = readMessages(message);
          expect(more).toEqual([]);
          expect(read?.opcode).toBe(codec.binary ? 2 : 1);
          expect(read?.payload.equals(joined(frames))).toBe(true);
          expect(link.bytes).toBe(read?.payload.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("begins anew with each flush, and what was begun before can go on", () => {
    const chain = new FrameChain(codec);
    const [first, second] = [publication(1), publication(2)];
    const before = chain.addPublication(undefined, first);
    chain.beginFlush();
    const after = chain.addPublication(undefined, second);
    const both = chain.addPublication(before, second);
    const frames = [first, second].map((one) => codec.encode({ kind: "publication", publication: one }));
    expect(readMessages(after.message(codec))[0]?.payload.equals(frames[1]!)).toBe(true);
    expect(readMessages(both.message(codec))[0]?.payload.equals(joined(frames))).toBe(true);
  });
});
