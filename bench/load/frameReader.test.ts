import { describe, expect, it } from "vitest";
import { eachLine, FrameReader, type OnMessage, serverFrame } from "./frameReader.js";

function readInPieces(bytes: Buffer, piece: number, onPing?: OnMessage): string[] {
  const messages: string[] = [];
  const onLine: OnMessage = (read, from, to) => messages.push(read.toString("utf8", from, to));
  const reader = new FrameReader((read, from, to) => { eachLine(read, from, to, onLine); }, onPing);
  // One buffer for all reads, with remains of earlier ones behind the end, as a socket's.
  const shared = Buffer.alloc(piece + 64, "\n");
  for (let at = 0; at < bytes.length; at += piece) {
    const length = bytes.copy(shared, 0, at, Math.min(at + piece, bytes.length));
    reader.read(shared, length);
  }
  return messages;
}

describe("FrameReader", () => {
  const messages = ["a", "b".repeat(125), "c".repeat(126), "d".repeat(5_000)];
  const stream = Buffer.concat([...messages.map((text) => serverFrame(Buffer.from(text))), serverFrame(Buffer.from(messages.join("\n")))]);

  it("finds every message, wherever the reads are cut", () => {
    for (const piece of [1, 2, 3, 7, 126, 1_000, stream.length]) expect(readInPieces(stream, piece)).toEqual([...messages, ...messages]);
  });

  it("reads frames of more than 64 KiB", () => {
    const long = "e".repeat(100_000);
    for (const piece of [1_000, 70_000, 200_000]) expect(readInPieces(serverFrame(Buffer.from(long)), piece)).toEqual([long]);
  });

  it("tells pings from messages", () => {
    const pings: string[] = [];
    const bytes = Buffer.concat([serverFrame(Buffer.from("a")), Buffer.from([0x89, 2, 0x68, 0x69]), serverFrame(Buffer.from("b"))]);
    expect(readInPieces(bytes, 3, (read, from, to) => pings.push(read.toString("utf8", from, to)))).toEqual(["a", "b"]);
    expect(pings).toEqual(["hi"]);
  });

  it("begins where it is told to", () => {
    const messages: string[] = [];
    const reader = new FrameReader((read, from, to) => messages.push(read.toString("utf8", from, to)));
    const frame = serverFrame(Buffer.from("first"));
    const bytes = Buffer.concat([Buffer.from("HTTP"), frame.subarray(0, 3)]);
    reader.read(bytes, bytes.length, 4);
    reader.read(frame.subarray(3), frame.length - 3);
    expect(messages).toEqual(["first"]);
  });

  it("throws when the server closes, and at pieces of messages", () => {
    expect(() => readInPieces(Buffer.from([0x88, 2, 3, 232]), 4)).toThrow("opcode 8");
    expect(() => readInPieces(Buffer.from([0x01, 1, 0x61]), 3)).toThrow("opcode 1");
  });
});
