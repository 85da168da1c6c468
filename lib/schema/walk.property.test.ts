import { create, createFileRegistry, type DescField, type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileSchemas } from "./compileSchemas.js";
import { createSchemaRegistry } from "./schemaRegistry.js";
import { Violations } from "./violations.js";
import { JsonWalk } from "./walkJson.js";

const TYPE = "test.v1.Everything";
const descriptors = fromBinary(FileDescriptorSetSchema, await compileSchemas("test/schemas"));
const library = createFileRegistry(descriptors);
const registry = createSchemaRegistry(descriptors);
const everything = library.getMessage(TYPE);
if (!everything) throw new Error("test/schemas is incomplete");

const awkward: JsonValue[] = [
  null, true, false, 0, -0, 1, -1, 1.5, 2 ** 31 - 1, 2 ** 31, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1, 1e300, 3.5e38,
  "", "0", "1", "-1", "01", "00", "-0", "1.0", "1e3", "1.5", " 1", "0x10", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
  "NaN", "Infinity", "-Infinity", "true", "false", "text", "COLOR_RED", "COLOR_BLUE", "CLOSED_ONE", "aGk=", "aGk", "a-_b", "%", "\u{1f600}", "\ud800",
  "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+02:00", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z",
  "1s", "-1.5s", "1.1234567891s", "315576000001s", "a.b,cD", "a_b", "A",
  [], [null], [1, "x"], {}, { a: null }, { a: [1, { b: "c" }] }, { "1": 1, "01": 1 },
  { "@type": "type.googleapis.com/test.v1.Required", name: "x" }, { "@type": "test.v1.Required" }, { "@type": "x/unknown.Type" }, { "@type": "x/google.protobuf.Duration", value: "1s" }, { "@type": 1 },
];
const junk = fc.oneof(fc.constantFrom(...awkward), fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>);
const key = fc.oneof(fc.constantFrom("a", "1", "01", "-1", "0", "true", "false", "", "1.5", "-0", "00", "x y", "__proto__", "18446744073709551615", "99999999999", "\ud800"), fc.string({ maxLength: 3 }));

const made = new Map<string, fc.Arbitrary<JsonValue>>();

/** JSON that is often a valid message, and often just beside it. */
function messageJson(desc: DescMessage, depth: number): fc.Arbitrary<JsonValue> {
  const id = `${desc.typeName} ${String(depth)}`;
  const arbitrary = made.get(id) ?? makeMessageJson(desc, depth);
  made.set(id, arbitrary);
  return arbitrary;
}

function makeMessageJson(desc: DescMessage, depth: number): fc.Arbitrary<JsonValue> {
  const member = fc.oneof(...desc.fields.map((field) => fc.tuple(fc.constantFrom(field.jsonName, field.jsonName, field.name), fieldJson(field, depth))));
  const odd = fc.tuple(fc.constantFrom("unknown", "__proto__", "[x.y]", "constructor"), junk);
  const few = fc.array(fc.oneof({ weight: 30, arbitrary: member }, { weight: 1, arbitrary: odd }), { maxLength: 4 });
  return few.map((members) => Object.fromEntries(desc.typeName.endsWith("Required") ? [["name", "x"], ...members] : members));
}

function fieldJson(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  const one = field.message && !field.message.typeName.startsWith("google.") && depth > 0 ? messageJson(field.message, depth - 1) : fc.oneof(typical(field), typical(field), junk);
  switch (field.fieldKind) {
    case "list":
      return fc.oneof({ weight: 9, arbitrary: fc.array(one, { maxLength: 3 }) }, { weight: 1, arbitrary: junk });
    case "map":
      return fc.oneof({ weight: 9, arbitrary: fc.dictionary(key, one, { maxKeys: 3 }) }, { weight: 1, arbitrary: junk });
    default:
      return one;
  }
}

/** A value that the field takes. */
function typical(field: DescField): fc.Arbitrary<JsonValue> {
  const fits = awkward.filter((value) => {
    const wrapped = field.fieldKind === "list" ? [value] : field.fieldKind === "map" ? { "1": value } : value;
    return libraryAccepts(field.parent, { ...(field.parent.typeName.endsWith("Required") ? { name: "x" } : {}), [field.jsonName]: wrapped });
  });
  return fits.length === 0 ? junk : fc.constantFrom(...fits);
}

function libraryAccepts(desc: DescMessage, json: JsonValue): boolean {
  try {
    const message = fromJson(desc, json, { registry: library });
    toJson(desc, message, { registry: library });
    toBinary(desc, message);
    return true;
  } catch {
    return false;
  }
}

function walkAccepts(desc: DescMessage, json: JsonValue): boolean {
  const violations = new Violations();
  new JsonWalk(library, violations).message(desc, json, undefined, 1);
  return violations.count === 0;
}

/** What the walk refuses although the library takes it: it would change the value. */
const STRICTER = /\d{16}|\d[eE]|\\u[dD][89a-fA-F]/;

describe("the walk over JSON", () => {
  it("accepts exactly what the library accepts, save what the library would change", () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(messageJson(everything, 2), (json) => {
        const byLibrary = libraryAccepts(everything, json);
        const byWalk = walkAccepts(everything, json);
        if (byLibrary) accepted += 1;
        else refused += 1;
        if (byWalk !== byLibrary && !(byLibrary && STRICTER.test(JSON.stringify(json)))) {
          throw new Error(`the library ${byLibrary ? "accepts" : "refuses"} it, the walk does not agree`);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(300);
  });

  it("agrees with the library on every awkward value in every field", () => {
    for (const field of everything.fields) {
      for (const value of awkward) {
        for (const wrapped of [value, [value], { "1": value }, { true: value }]) {
          const json = { [field.jsonName]: wrapped };
          if (walkAccepts(everything, json) === libraryAccepts(everything, json)) continue;
          expect(STRICTER.test(JSON.stringify(json)) && !walkAccepts(everything, json), JSON.stringify(json)).toBe(true);
        }
      }
    }
  });
});

describe("the walk over bytes", () => {
  const valid = messageJson(everything, 2)
    .filter((json) => libraryAccepts(everything, json))
    .map((json) => toBinary(everything, fromJson(everything, json, { registry: library })));

  it("accepts what the library writes, and what it accepts has a JSON form that is accepted again", () => {
    fc.assert(
      fc.property(valid, (bytes) => {
        const { json } = registry.fromBytes(TYPE, bytes);
        expect(registry.fromJson(TYPE, json).protobuf).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it("never throws anything but violations on broken bytes, and never accepts what can't be converted", () => {
    const broken = fc.tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.nat()).map(([bytes, changes, cut]) => {
      const copy = Uint8Array.from(bytes);
      for (const [place, value] of changes) copy[place % Math.max(1, copy.length)] = value;
      return cut % 3 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy;
    });
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        try {
          const payload = registry.fromBytes(TYPE, bytes);
          expect(payload.json).not.toContain("\n");
          accepted += 1;
        } catch (error) {
          expect(error).toMatchObject({ reason: "INVALID_MESSAGE" });
        }
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

it("an empty set of descriptors is an empty registry", () => {
  expect(createSchemaRegistry(create(FileDescriptorSetSchema)).types).toEqual([]);
});
