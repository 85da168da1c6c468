import { describe, expect, it } from "vitest";
import { RpcError } from "../errors/rpcError.js";
import { loadSchemas } from "./loadSchemas.js";

const registry = await loadSchemas("examples/schemas");
const ORDER = "demo.v1.OrderChanged";

/** Path and description of every violation; empty where the call does not throw. */
function violationsOf(call: () => unknown): [string, string][] {
  try {
    call();
    return [];
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return error.violations.map(({ field, description }) => [field, description]);
  }
}

const pathsOf = (json: unknown, type = ORDER): string[] =>
  violationsOf(() => registry.fromJson(type, typeof json === "string" ? json : JSON.stringify(json))).map(([path]) => path);

describe("a registry's types", () => {
  it("lists messages by full name, nested and imported ones too", () => {
    expect(registry.types).toEqual(expect.arrayContaining(["demo.v1.ChatMessage", "demo.v1.Money", "demo.v1.OrderChanged.Item"]));
    expect(registry.has("demo.v1.ChatMessage")).toBe(true);
    expect(registry.has("demo.v1.OrderStatus")).toBe(false);
    expect(registry.has("")).toBe(false);
  });
});

describe("checking JSON", () => {
  it("gives canonical JSON in one line, and the bytes", () => {
    const payload = registry.fromJson(ORDER, '{\n "order_id": "7", "status": 2,\r\n "items": [{"name": "tea", "quantity": "2"}], "changedAt": "2026-01-01T00:00:00.50+01:00"}');
    expect(payload.json).toBe('{"orderId":"7","status":"ORDER_STATUS_SENT","items":[{"name":"tea","quantity":2}],"changedAt":"2025-12-31T23:00:00.500Z"}');
    expect(registry.fromBytes(ORDER, payload.protobuf ?? new Uint8Array()).json).toBe(payload.json);
  });

  it("names every violation with its path", () => {
    const wrong = {
      orderId: 7,
      status: "LOST",
      items: [{ name: "tea", price: { minorUnits: "x", curency: "EUR" } }, null, { quantity: -1, parts: [{ quantity: 4294967296 }] }, "tea"],
      fees: { shipping: null, 'a"b': { currency: 1 } },
      changedAt: "yesterday",
      picture: "%%%",
      parcelNumber: "1",
      pickupShop: "2",
      unknown: true,
    };
    expect(pathsOf(wrong)).toEqual([
      "orderId",
      "status",
      "items[0].price.minorUnits",
      "items[0].price.curency",
      "items[1]",
      "items[2].quantity",
      "items[2].parts[0].quantity",
      "items[3]",
      "fees[\"shipping\"]",
      "fees[\"a\\\"b\"].currency",
      "changedAt",
      "picture",
      "pickupShop",
      "unknown",
    ]);
  });

  it("begins the paths with the name that the caller has for the payload", () => {
    expect(violationsOf(() => registry.fromJson(ORDER, '{"items":[1]}', "data"))[0]?.[0]).toBe("data.items[0]");
    expect(violationsOf(() => registry.fromJson(ORDER, "[]", "data"))[0]?.[0]).toBe("data");
    expect(violationsOf(() => registry.fromJson(ORDER, "[]"))[0]?.[0]).toBe("payload");
  });

  it("refuses what is no JSON, or no object", () => {
    for (const text of ["", "{", "nul", "\u{feff}{}", "{}{}", "null", "7", '"text"', "[]"]) expect(pathsOf(text), text).toEqual(["payload"]);
  });

  it("refuses a name that stands twice, wherever it stands and however it is written", () => {
    expect(pathsOf('{"orderId":"1","orderId":"2"}')).toEqual(["orderId"]);
    expect(pathsOf('{"orderId":"1","order\\u0049d":"2"}')).toEqual(["orderId"]);
    expect(pathsOf('{"orderId":"1","order_id":"2"}')).toEqual(["order_id"]);
    expect(pathsOf('{"items":[{},{"name":"a","name":"b"}],"details":{"x":{"a":[{},{"b":1,"b":2}]}}}')).toEqual(["items[1].name", "details.x.a[1].b"]);
  });

  it("refuses numbers that JSON.parse has changed", () => {
    expect(pathsOf('{"minorUnits":9007199254740993}', "demo.v1.Money")).toEqual(["minorUnits"]);
    expect(pathsOf('{"minorUnits":1e300}', "demo.v1.Money")).toEqual(["minorUnits"]);
    expect(registry.fromJson("demo.v1.Money", '{"minorUnits":"9007199254740993"}').json).toBe('{"minorUnits":"9007199254740993"}');
    expect(pathsOf('{"details":{"a":[1e400]}}')).toEqual(["details.a[0]"]);
  });

  it("refuses broken Unicode", () => {
    expect(pathsOf('{"orderId":"\\ud800"}')).toEqual(["orderId"]);
    expect(pathsOf('{"details":{"a":"\\udfff"}}')).toEqual(["details.a"]);
    expect(pathsOf('{"orderId":"\\ud83d\\ude00"}')).toEqual([]);
  });

  it("stops at 100 nested messages, and never overflows the stack", () => {
    const nested = (levels: number): string => '{"items":[' + '{"parts":['.repeat(levels) + "]}".repeat(levels) + "]}";
    expect(pathsOf(nested(98))).toEqual([]);
    expect(pathsOf(nested(150))).toHaveLength(1);
    expect(pathsOf(nested(10_000))).toEqual(["payload"]);
    expect(pathsOf(`{"details":${'{"a":'.repeat(90)}1${"}".repeat(90)}}`)).toEqual([]);
    expect(pathsOf(`{"details":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`)).toEqual(["payload"]);
  });

  it("names 50 violations and counts the others", () => {
    const found = violationsOf(() => registry.fromJson(ORDER, JSON.stringify({ items: new Array(10_000).fill(1) })));
    expect(found).toHaveLength(51);
    expect(found.at(-1)).toEqual(["payload", "has 9950 more violations"]);
  });

  it("keeps paths and descriptions short", () => {
    const name = "x".repeat(100_000);
    for (const [path, description] of violationsOf(() => registry.fromJson(ORDER, JSON.stringify({ [name]: 1, status: name, fees: { [name]: 1 } })))) {
      expect(path.length).toBeLessThanOrEqual(200);
      expect(description.length).toBeLessThanOrEqual(200);
    }
  });
});

describe("checking bytes", () => {
  const bytesOf = (json: unknown): Uint8Array => registry.fromJson(ORDER, JSON.stringify(json)).protobuf ?? new Uint8Array();
  const bytesPaths = (...bytes: (number | readonly number[] | Uint8Array)[]): string[] =>
    violationsOf(() => registry.fromBytes(ORDER, Uint8Array.from(bytes.flatMap((one) => (typeof one === "number" ? [one] : [...one]))))).map(([path]) => path);

  it("gives the same bytes and canonical JSON", () => {
    const json = { orderId: "7", items: [{ name: "tea", price: { currency: "EUR", minorUnits: "350" } }], fees: { shipping: { minorUnits: "1" } }, details: { a: [1, null, "x"] } };
    const bytes = bytesOf(json);
    const payload = registry.fromBytes(ORDER, bytes);
    expect(payload.protobuf).toBe(bytes);
    expect(payload.json).toBe(JSON.stringify(json));
    expect(registry.fromBytes(ORDER, new Uint8Array()).json).toBe("{}");
  });

  it("gives the same forms in whatever order they are asked for, of bytes or of JSON, owned or not", () => {
    const text = JSON.stringify({ orderId: "7", items: [{ name: "tea" }] });
    const bytes = bytesOf(JSON.parse(text));
    for (const isOwned of [false, true]) {
      for (const isJsonFirst of [false, true]) {
        for (const payload of [registry.fromBytes(ORDER, Uint8Array.from(bytes)), registry.fromJson(ORDER, text)]) {
          if (isOwned) payload.own();
          const forms = isJsonFirst ? [payload.json, payload.protobuf] : [payload.protobuf, payload.json];
          expect(isJsonFirst ? forms : forms.reverse()).toEqual([text, bytes]);
          expect(payload.heldBytes).toBe(text.length + bytes.length);
        }
      }
    }
  });

  it("owns bytes of its own when it is told to", () => {
    const bytes = Uint8Array.from(bytesOf({ orderId: "7" }));
    const payload = registry.fromBytes(ORDER, bytes);
    payload.own();
    bytes.fill(0);
    expect(payload.json).toBe('{"orderId":"7"}');
  });

  it("refuses unknown field numbers, wherever they stand", () => {
    expect(bytesPaths(0xf8, 0x01, 0x01)).toEqual(["31"]);
    expect(bytesPaths(0x1a, 0x02, 0x78, 0x01)).toEqual(["items[0].15"]);
    expect(bytesPaths(0x1a, 0x00, 0x1a, 0x05, 0x22, 0x03, 0x7a, 0x01, 0x61)).toEqual(["items[1].parts[0].15"]);
    expect(bytesPaths(0x22, 0x07, 0x0a, 0x01, 0x61, 0x12, 0x02, 0x78, 0x01)).toEqual(['fees["a"].15']);
    expect(bytesPaths(0x2a, 0x02, 0x78, 0x01)).toEqual(["changedAt.15"]);
  });

  it("refuses wrong wire types, broken UTF-8, values out of range and bytes that break off", () => {
    expect(bytesPaths(0x08, 0x01)).toEqual(["orderId"]);
    expect(bytesPaths(0x0a, 0x01, 0xff)).toEqual(["orderId"]);
    expect(bytesPaths(0x0a, 0x05, 0x61)).toEqual(["payload"]);
    expect(bytesPaths(0x1a, 0x02, 0x0a, 0x05)).toEqual(["items[0]"]);
    expect(bytesPaths(0x2a, 0x07, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)).toEqual(["changedAt"]);
    // A Struct whose member has no value has no JSON form.
    expect(bytesPaths(0x4a, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0x61)).toEqual(["details"]);
  });

  it("names all violations", () => {
    expect(bytesPaths(0x08, 0x01, 0x0a, 0x01, 0xff, 0x1a, 0x02, 0x78, 0x01)).toEqual(["orderId", "orderId", "items[0].15"]);
  });

  it("stops at 100 nested messages", () => {
    let bytes: Uint8Array = new Uint8Array();
    for (let level = 0; level < 3_000; level += 1) {
      const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
      bytes = Uint8Array.from([0x22, ...length, ...bytes]);
    }
    expect(violationsOf(() => registry.fromBytes("demo.v1.OrderChanged.Item", bytes))).toHaveLength(1);
  });
});
