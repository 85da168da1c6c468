import { describe, expect, it } from "vitest";
import { FrameReader, serverFrame } from "./frameReader.js";

function readInPieces(bytes: Buffer, piece: number): string[] {
  const reader = new FrameReader();
  const messages: string[] = [];
  // One buffer for all reads, with remains of earlier ones behind the end, as a socket's.
  const shared = Buffer.alloc(piece + 64, "\n");
  for (let at = 0; at < bytes.length; at += piece) {
    const length = bytes.copy(shared, 0, at, Math.min(at + piece, bytes.length));
    reader.read(shared, length, (read, from, to) => messages.push(read.toString("utf8", from, to)));
  }
  return messages;
}

describe("FrameReader", () => {
  const messages = ["a", "b".repeat(125), "c".repeat(126), "d".repeat(5_000)];
  const stream = Buffer.concat([...messages.map((text) => serverFrame(Buffer.from(text))), serverFrame(Buffer.from(messages.join("\n")))]);

  it("finds every message, wherever the reads are cut", () => {
    for (const piece of [1, 2, 3, 7, 126, 1_000, stream.length]) expect(readInPieces(stream, piece)).toEqual([...messages, ...messages]);
  });

  it("throws when the server closes", () => {
    expect(() => readInPieces(Buffer.from([0x88, 2, 3, 232]), 4)).toThrow("opcode 8");
  });
});
