import { describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../lib/bus/headerBlock.js";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import type { AcceptedMessage } from "./acceptMessage.js";
import { messageHeaders, validTraceparent } from "./messageHeaders.js";

const namespace = parseNamespaces({}, "test").all[0]!;
const message = (changes: Partial<AcceptedMessage> = {}): AcceptedMessage => ({
  channel: "chat.x", namespace, type: "", key: "", tags: {}, payload: { encoding: "json", data: Buffer.from("{}") }, ...changes,
});
const headersOf = (changes: Partial<AcceptedMessage>, traceparent?: string): Record<string, string> => {
  const headers = messageHeaders(message(changes), Date.UTC(2026, 0, 2, 3, 4, 5, 6), traceparent);
  const block = parseHeaderBlock(headers.encode());
  return Object.fromEntries(block.keys().map((name) => [name, block.last(name)]));
};

describe("message headers", () => {
  it("leaves out what says nothing", () => {
    expect(headersOf({})).toEqual({ "Nats-Msg-Id": expect.stringMatching(/^g \S+$/) as string, "Halley-Time": "2026-01-02T03:04:05.006Z" });
  });

  it("describes everything else", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    expect(headersOf({ type: "demo.v1.X", key: "order 7", tags: { "a-b": "ü 1" }, payload: { encoding: "protobuf", data: Buffer.alloc(0) } }, traceparent)).toEqual({
      "Nats-Msg-Id": "b chat.x order 7",
      "Halley-Time": "2026-01-02T03:04:05.006Z",
      "Halley-Type": "demo.v1.X",
      "Content-Type": "application/protobuf",
      "Halley-Tag-a-b": "ü 1",
      traceparent,
    });
  });

  it("gives each message without a key an id of its own", () => {
    expect(new Set(Array.from({ length: 100 }, () => headersOf({})["Nats-Msg-Id"])).size).toBe(100);
  });

  it("passes on valid trace contexts only", () => {
    expect(validTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).toBeDefined();
    for (const wrong of [undefined, "", "x", "00-4bf9-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX: y"]) expect(validTraceparent(wrong)).toBeUndefined();
  });
});
