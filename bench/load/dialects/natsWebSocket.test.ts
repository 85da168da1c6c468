import { describe, expect, it } from "vitest";
import { listenTo } from "./listenTo.js";
import { natsWebSocket } from "./natsWebSocket.js";

const SIGN_IN = { token: "", channel: "bench.one" };
const PAYLOADS = ['{"at":1}', "", "x\r\nMSG y 1 3\r\n", "y".repeat(1_000)];
const MESSAGES = PAYLOADS.map((payload) => `MSG bench.one 1 ${String(payload.length)}\r\n${payload}\r\n`).join("");

describe("natsWebSocket", () => {
  it("connects, subscribes and asks for a sign that both are done", () => {
    const { conversation, sent, heard } = listenTo(natsWebSocket, SIGN_IN);
    conversation.begin();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatch(/^CONNECT \{.*\}\r\nSUB bench\.one 1\r\nPING\r\n$/);
    expect(heard.subscribed).toBe(0);
  });

  it("finds every message and line, wherever frames are cut", () => {
    const stream = Buffer.from(`INFO {"a":1}\r\nPONG\r\n${MESSAGES}PING\r\n${MESSAGES}`);
    for (const piece of [1, 2, 3, 5, 17, 500, stream.length]) {
      const { conversation, sent, heard } = listenTo(natsWebSocket, SIGN_IN);
      for (let at = 0; at < stream.length; at += piece) {
        // What stands behind the end belongs to somebody else.
        const frame = Buffer.concat([Buffer.from("??"), stream.subarray(at, at + piece), Buffer.from("\r\nMSG x 1 1\r\n")]);
        conversation.hear(frame, 2, Math.min(piece, stream.length - at) + 2);
      }
      expect(heard).toEqual({ subscribed: 1, publications: [...PAYLOADS, ...PAYLOADS] });
      expect(sent).toEqual(["PONG\r\n"]);
    }
  });

  it("throws at what the server refuses", () => {
    const { conversation } = listenTo(natsWebSocket, SIGN_IN);
    const refusal = Buffer.from("-ERR 'Slow Consumer'\r\n");
    expect(() => { conversation.hear(refusal, 0, refusal.length); }).toThrow("Slow Consumer");
  });
});
