import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** How deeply messages may be nested, in JSON and in bytes: what protobuf libraries everywhere accept. */
export const MAX_MESSAGE_DEPTH = 100;

const VALUE_TYPES = new Set(["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"]);
const ANY = "google.protobuf.Any";
const STRING_TYPES = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"]);
/** Types of which a decoded message may have no JSON form. */
const UNSURE_TYPES = new Set([ANY, "google.protobuf.Duration", "google.protobuf.FieldMask"]);

/** Struct, Value, ListValue: any JSON. */
export function isValueType(desc: DescMessage): boolean {
  return VALUE_TYPES.has(desc.typeName);
}

/** Any: a message that names its own type. */
export function isAny(desc: DescMessage): boolean {
  return desc.typeName === ANY;
}

/** Whether the type has a JSON form of its own (a time is a string), so that its fields don't show in JSON. */
export function hasOwnJsonForm(desc: DescMessage): boolean {
  return isAny(desc) || isValueType(desc) || STRING_TYPES.has(desc.typeName) || isWrapperDesc(desc);
}

/** The field that a JSON member sets, by its JSON name or its name in the .proto file. */
export function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  // Where one field's JSON name is another one's own name, the library lets the later field win.
  return desc.fields.findLast((field) => field.name === name || field.jsonName === name);
}

/** Whether a message without this field is invalid (proto2's `required`). */
export function isRequired(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED;
}

/** Whether null is a value of the field's type, not the absence of one. */
export function takesNull(field: DescField): boolean {
  return field.message?.typeName === "google.protobuf.Value" || field.enum?.typeName === "google.protobuf.NullValue";
}

const unsure = new WeakMap<DescMessage, boolean>();

/** Whether a message of this type may decode well and still have no JSON form or no bytes. */
export function mayNotConvert(desc: DescMessage): boolean {
  let answer = unsure.get(desc);
  if (answer === undefined) {
    answer = [...reachable(desc)].some((one) => UNSURE_TYPES.has(one.typeName) || one.fields.some(isRequired));
    unsure.set(desc, answer);
  }
  return answer;
}

function reachable(desc: DescMessage, found = new Set<DescMessage>()): Set<DescMessage> {
  if (found.has(desc)) return found;
  found.add(desc);
  for (const field of desc.fields) if (field.message) reachable(field.message, found);
  return found;
}
