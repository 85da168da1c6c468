import { beforeAll, describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../../lib/bus/headerBlock.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { loadSchemas } from "../../../lib/schema/loadSchemas.js";
import type { SchemaRegistry } from "../../../lib/schema/schemaRegistry.js";
import { parseMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";

const namespace: Namespace = { name: "chat", history: undefined, presence: false, subscribe: "signed-in", publish: "nobody", types: undefined, untyped: true };

describe("parsing a message", () => {
  let registry: SchemaRegistry;
  let examples: SchemaRegistry;

  beforeAll(async () => {
    registry = await loadSchemas(undefined);
    examples = await loadSchemas("examples/schemas");
  });

  const parse = (data: string | Uint8Array, lines: readonly string[] = []): Publication => {
    const headers = parseHeaderBlock(Buffer.from(`NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`));
    return parseMessage({ channel: "chat.x", offset: 7, headers, data: Buffer.from(data) }, namespace, registry);
  };
  const json = (data: string, lines: readonly string[] = []): unknown => JSON.parse(parse(data, lines).json);
  const faults = (data: string | Uint8Array, lines: readonly string[] = []): string[] => {
    try {
      parse(data, lines);
    } catch (error) {
      if (error instanceof RpcError && error.reason === "INVALID_MESSAGE") return error.violations.map(({ field }) => field);
      throw error;
    }
    return [];
  };

  it("takes the payload alone for a message", () => {
    expect(json('{"text":"hi"}')).toEqual({ channel: "chat.x", offset: 7, data: { text: "hi" } });
  });

  it("writes in one line what was published in several", () => {
    const publication = parse('{\r\n  "text":\n"a"\r}');
    expect(publication.json).not.toMatch(/[\r\n]/);
    expect(JSON.parse(publication.json)).toMatchObject({ data: { text: "a" } });
  });

  it("reads what describes the payload from headers, the last of each", () => {
    expect(json("1", ["Halley-Type: a", "Halley-Type: b", "Halley-Sender: =YS5i", "Halley-Time: 2026-01-01T00:00:00.5Z", "Halley-Tag-room: 7"])).toEqual({
      channel: "chat.x", offset: 7, type: "b", data: 1, sender: "a.b", time: "2026-01-01T00:00:00.5Z", tags: { room: "7" },
    });
  });

  it.each(["1", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT"])("leaves out the time %j, which is none", (time) => {
    expect(json("1", [`Halley-Time: ${time}`])).not.toHaveProperty("time");
  });

  it.each<readonly [string, string | Uint8Array, readonly string[], readonly string[]]>([
    ["no JSON", "{", [], ["payload"]],
    ["nothing", "", [], ["payload"]],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), [], ["payload"]],
    ["too large", JSON.stringify("x".repeat(512 * 1024)), [], ["payload"]],
    ["an unknown encoding", "1", ["Content-Type: text/plain"], ["Content-Type"]],
    ["bytes without a type", "1", ["Content-Type: application/protobuf"], ["type"]],
    ["a type that is too long", "1", [`Halley-Type: ${"t".repeat(256)}`], ["type"]],
    ["a sender that is too long", "1", [`Halley-Sender: ${"s".repeat(129)}`], ["sender"]],
    ["too many tags", "1", Array.from({ length: 17 }, (_, at) => `Halley-Tag-t${String(at)}: x`), ["tags"]],
    ["a tag that is too long", "1", [`Halley-Tag-a: ${"v".repeat(257)}`], ["tags.a"]],
    ["a tag without a name", "1", ["Halley-Tag-: v"], ["tags"]],
    ["several of these", JSON.stringify("x".repeat(512 * 1024)), [`Halley-Type: ${"t".repeat(256)}`, `Halley-Tag-a: ${"v".repeat(257)}`], ["payload", "tags.a", "type"]],
  ])("refuses %s", (_name, data, lines, fields) => {
    expect(faults(data, lines).sort()).toEqual(fields);
  });

  it("counts everything that a publication keeps, as it is encoded", () => {
    const tags = Array.from({ length: 16 }, (_, at) => `Halley-Tag-t${String(at)}: ${"v".repeat(256)}`);
    const publication = parse("1", tags);
    const grown: number[] = [];
    publication.holder = { onGrow: (bytes) => grown.push(bytes) };
    const before = publication.heldBytes;
    const encodings = [publication.json.length, publication.wire.length];
    expect([publication.json.length, publication.wire.length]).toEqual(encodings);
    expect(grown).toEqual(encodings);
    expect(publication.heldBytes).toBe(before + publication.json.length + publication.wire.length);
    expect(before).toBeGreaterThan(16 * 256);
  });

  it("shares no memory with the message that came", () => {
    const typed: Namespace = { ...namespace, untyped: false };
    const lines = ["NATS/1.0", "Halley-Type: demo.v1.ChatMessage", "Content-Type: application/protobuf", "", ""];
    const data = Buffer.from("\n\x02hi");
    const publication = parseMessage({ channel: "chat.x", offset: 7, headers: parseHeaderBlock(Buffer.from(lines.join("\r\n"))), data }, typed, examples);
    data.fill(0);
    expect(JSON.parse(publication.json)).toMatchObject({ data: { text: "hi" } });
  });
});
