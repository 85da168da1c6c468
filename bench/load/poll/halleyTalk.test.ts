import { describe, expect, it } from "vitest";
import { HalleyTalk } from "./halleyTalk.js";
import { HttpReader } from "./httpReader.js";

function take(talk: HalleyTalk, body: string, status = "200 OK"): string[] {
  const publications: string[] = [];
  const chunk = Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
  new HttpReader().read(chunk, chunk.length, (answer) => {
    talk.take(answer, (bytes, from, to) => publications.push(bytes.toString("utf8", from, to)));
  });
  return publications;
}

function bodyOf(request: string): unknown {
  return JSON.parse(request.slice(request.indexOf("\r\n\r\n") + 4));
}

describe("HalleyTalk", () => {
  const talk = new HalleyTalk({ path: "/v1/poll", token: "T", channels: ["bench.a"] });

  it("brings the session and the positions of the answer before", () => {
    expect(bodyOf(talk.request())).toEqual({ token: "T", seq: 1, frames: [], waitMs: 25_000, positions: { "bench.a": {} } });
    expect(take(talk, '{"session":"S","frames":[],"positions":{"bench.a":{"offset":7,"epoch":"e"}}}')).toEqual([]);
    const request = talk.request();
    expect(request).toContain(`Content-Length: ${String(request.length - request.indexOf("\r\n\r\n") - 4)}\r\n`);
    expect(bodyOf(request)).toEqual({ session: "S", token: "T", seq: 2, frames: [], waitMs: 25_000, positions: { "bench.a": { offset: 7, epoch: "e" } } });
  });

  it("tells of each publication", () => {
    const frames = ['{"publication":{"offset":8,"data":{"text":",\\"positions\\":"}}}', '{"publication":{"offset":9}}'];
    const publications = take(talk, `{"session":"S","frames":[${frames.join(",")}],"positions":{"bench.a":{"offset":9,"epoch":"e"}}}`);
    expect(publications).toHaveLength(2);
    expect(publications[1]).toContain('"offset":9');
    expect(bodyOf(talk.request())).toMatchObject({ seq: 3, positions: { "bench.a": { offset: 9 } } });
  });

  it("throws at any other frame, and at errors", () => {
    expect(() => take(talk, '{"session":"S","frames":[{"reset":{}}],"positions":{}}')).toThrow("reset");
    expect(() => take(talk, '{"error":{}}', "503 Service Unavailable")).toThrow("503");
  });
});
