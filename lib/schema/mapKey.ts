import { protoInt64, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";

/** A JSON member name as the key of a protobuf map: in its one canonical spelling, or what is wrong with it. */
export type CheckedKey = { readonly key: string } | { readonly fault: string };

const INT32 = { least: -(2 ** 31), most: 2 ** 31 - 1 };
const UINT32 = { least: 0, most: 2 ** 32 - 1 };

/** Checks a map key by the rules of the protobuf library. */
export function checkMapKey(type: ScalarType, name: string): CheckedKey {
  switch (type) {
    case ScalarType.BOOL:
      return name === "true" || name === "false" ? { key: name } : { fault: 'must have the key "true" or "false"' };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integerKey(name, INT32);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integerKey(name, UINT32);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return longKey(name, (digits) => protoInt64.parse(digits));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return longKey(name, (digits) => protoInt64.uParse(digits));
    default:
      return name.isWellFormed() ? { key: name } : { fault: "must have a key of well-formed Unicode" };
  }
}

function integerKey(name: string, { least, most }: { least: number; most: number }): CheckedKey {
  const value = name.trim().length === name.length && name !== "" ? Number(name) : NaN;
  if (Number.isInteger(value) && value >= least && value <= most) return { key: String(value) };
  return { fault: `must have an integer from ${String(least)} to ${String(most)} as its key` };
}

function longKey(name: string, parse: (digits: string) => bigint | string): CheckedKey {
  const digits = /^-?0+$/.test(name) ? "0" : name.replace(/^(-?)0+(?=\d)/, "$1");
  try {
    if (digits !== "") return { key: String(parse(digits)) };
  } catch {
    // Falls through to the one sentence for all of them.
  }
  return { fault: "must have a 64-bit integer as its key" };
}

/** A map key on the wire as a violation's path shows it. Reads anything, also what is no valid key. */
export function mapKeyText(type: ScalarType, data: Uint8Array): string {
  const reader = new BinaryReader(data);
  try {
    switch (type) {
      case ScalarType.STRING:
        return Buffer.from(data).toString("utf8");
      case ScalarType.BOOL:
        return String(reader.bool());
      case ScalarType.SINT32:
      case ScalarType.SINT64:
        return String(reader.sint64());
      case ScalarType.FIXED32:
        return String(reader.fixed32());
      case ScalarType.SFIXED32:
        return String(reader.sfixed32());
      case ScalarType.FIXED64:
        return String(reader.fixed64());
      case ScalarType.SFIXED64:
        return String(reader.sfixed64());
      case ScalarType.UINT32:
      case ScalarType.UINT64:
        return String(reader.uint64());
      default:
        return String(reader.int64());
    }
  } catch {
    return "?";
  }
}
