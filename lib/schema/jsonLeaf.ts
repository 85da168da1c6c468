import { type DescField, type DescMessage, fromJson, type JsonObject, type JsonValue, type Registry, ScalarType, toJson } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

const LONG_TYPES = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64]);
const LOSES_DIGITS = "is beyond 2^53, where JSON numbers lose digits: write it as a string";

/** What is wrong with the value of one field, alone in a message; `wrapped` is the value as the field takes it. */
export function fieldLeafFault(field: DescField, value: JsonValue, wrapped: JsonValue, registry: Registry): string | undefined {
  if (losesDigits(field, value)) return LOSES_DIGITS;
  try {
    fromJson(field.parent, { [field.jsonName]: wrapped }, { registry });
    return undefined;
  } catch (error) {
    return clauseOf(error);
  }
}

/** What is wrong with a value as a message whose JSON form is its own (a time, a wrapper). */
export function messageLeafFault(desc: DescMessage, value: JsonValue, registry: Registry): string | undefined {
  if (isWrapperDesc(desc) && losesDigits(desc.fields[0], value)) return LOSES_DIGITS;
  try {
    toJson(desc, fromJson(desc, value, { registry }), { registry });
    return undefined;
  } catch (error) {
    return clauseOf(error);
  }
}

/** The library's error as a clause that stands after a path. */
export function clauseOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^cannot (?:de|en)code .*? (?:from|to) (?:JSON|binary)(?:: | )/, "");
}

/** Whether a JSON value is an object. */
export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a JSON value is, in a word with its article. */
export function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** JSON.parse has then already changed the number, and the library would take the changed one. */
function losesDigits(field: DescField, value: JsonValue): boolean {
  return field.scalar !== undefined && LONG_TYPES.has(field.scalar) && typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
}
