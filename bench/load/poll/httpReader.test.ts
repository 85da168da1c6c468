import { describe, expect, it } from "vitest";
import { HttpReader } from "./httpReader.js";

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\nDate: now\r\n\r\n${body}`;
}

describe("HttpReader", () => {
  it("finds every answer, wherever the reads are cut", () => {
    const bodies = ["a", "", "b".repeat(3_000), "c\r\n\r\nd"];
    const stream = Buffer.from(bodies.map(answer).join(""));
    for (const piece of [1, 2, 5, 64, 3_000, stream.length]) {
      const reader = new HttpReader();
      const read: string[] = [];
      for (let at = 0; at < stream.length; at += piece) {
        const chunk = stream.subarray(at, at + piece);
        reader.read(chunk, chunk.length, ({ bytes, bodyAt, to }) => read.push(bytes.toString("utf8", bodyAt, to)));
      }
      expect(read).toEqual(bodies);
    }
  });

  it("throws where the length is not said", () => {
    const chunk = Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect(() => { new HttpReader().read(chunk, chunk.length, () => undefined); }).toThrow("Content-Length");
  });
});
