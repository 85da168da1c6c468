import { describe, expect, it } from "vitest";
import { parseNamespaces } from "../config/namespaces.js";
import { RpcError } from "../errors/rpcError.js";
import { checkPayload } from "./checkPayload.js";
import { loadSchemas } from "./loadSchemas.js";

const registry = await loadSchemas("examples/schemas");
const namespaces = parseNamespaces({ namespaces: { open: { untyped: true }, typed: {}, chat: { types: ["demo.v1.ChatMessage"], untyped: true } } }, "test");

interface Given {
  readonly namespace: "open" | "typed" | "chat";
  readonly type?: string;
  readonly encoding?: "json" | "protobuf";
  readonly data: string | Uint8Array;
}

function check({ namespace, type = "", encoding = "json", data }: Given): ReturnType<typeof checkPayload> {
  const found = namespaces.byName(namespace);
  if (!found) throw new Error(`no namespace ${namespace}`);
  return checkPayload(registry, found, { type, encoding, data: typeof data === "string" ? Buffer.from(data) : data });
}

function refusal(given: Given): string {
  try {
    check(given);
  } catch (error) {
    if (error instanceof RpcError && error.reason === "INVALID_MESSAGE") return error.message;
    throw error;
  }
  throw new Error("was accepted");
}

const CHAT = "demo.v1.ChatMessage";

describe("checkPayload without a registered type", () => {
  it("gives the same text in one line, digits and double names untouched", () => {
    const text = '{\r\n  "n": 12345678901234567890.10,\n  "s": "a\\nb",\t"n": 1e999 }\n';
    const { json, protobuf } = check({ namespace: "open", type: "an.event", data: text });
    expect(json).toBe('{    "n": 12345678901234567890.10,   "s": "a\\nb",\t"n": 1e999 } ');
    expect(protobuf).toBeUndefined();
    expect(check({ namespace: "open", data: "7" }).json).toBe("7");
  });

  it("refuses what is no UTF-8, no JSON, or nested too deeply", () => {
    expect(refusal({ namespace: "open", data: Uint8Array.of(0x22, 0xff, 0x22) })).toBe("payload: is not UTF-8");
    expect(refusal({ namespace: "open", data: "" })).toContain("payload: is not JSON");
    expect(refusal({ namespace: "open", data: "{'a':1}" })).toContain("payload: is not JSON");
    expect(refusal({ namespace: "open", data: "\u{feff}{}" })).toContain("payload: is not JSON");
    expect(refusal({ namespace: "open", data: "[".repeat(10_000) + "]".repeat(10_000) })).toBe("payload: is nested more than 200 levels deep");
    expect(check({ namespace: "open", data: `"${"[".repeat(10_000)}"` }).json).toHaveLength(10_002);
  });

  it("refuses bytes, and JSON where the namespace wants types", () => {
    expect(refusal({ namespace: "open", encoding: "protobuf", data: "{}" })).toContain("type: a registered type is needed");
    expect(refusal({ namespace: "open", type: "a.B", encoding: "protobuf", data: "{}" })).toContain("type: a.B is not a registered type");
    expect(refusal({ namespace: "typed", data: "{}" })).toContain("typed does not accept untyped JSON");
    expect(refusal({ namespace: "typed", type: "a.B", data: "{}" })).toContain("a.B is not a registered type");
  });
});

describe("checkPayload with a registered type", () => {
  it("takes JSON and bytes, and gives both", () => {
    const fromJson = check({ namespace: "chat", type: CHAT, data: '{"text":"hi"}' });
    expect(fromJson.protobuf).toEqual(Uint8Array.of(0x0a, 2, 0x68, 0x69));
    expect(check({ namespace: "typed", type: CHAT, encoding: "protobuf", data: Uint8Array.of(0x0a, 2, 0x68, 0x69) }).json).toBe('{"text":"hi"}');
  });

  it("takes only the types that the namespace names", () => {
    expect(refusal({ namespace: "chat", type: "demo.v1.Money", data: "{}" })).toBe("type: demo.v1.Money is not accepted in chat: only demo.v1.ChatMessage");
    expect(check({ namespace: "typed", type: "demo.v1.Money", data: "{}" }).json).toBe("{}");
    expect(check({ namespace: "chat", type: "typing", data: "{}" }).json).toBe("{}");
  });

  it("checks even where untyped JSON would be accepted", () => {
    expect(refusal({ namespace: "open", type: CHAT, data: '{"text":1}' })).toContain("text: ");
    expect(refusal({ namespace: "open", type: CHAT, encoding: "protobuf", data: Uint8Array.of(0x12) })).toContain("payload: ");
  });

  it("calls the parts as the caller calls them", () => {
    const namespace = namespaces.byName("typed");
    if (!namespace) throw new Error("no namespace");
    const names = { type: "message.type", data: "message.json" };
    const bad = (type: string): unknown => checkPayload(registry, namespace, { type, encoding: "json", data: Buffer.from('{"text":1}') }, names);
    expect(() => bad(CHAT)).toThrow("message.json.text: ");
    expect(() => bad("x")).toThrow("message.type: ");
  });
});
