import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

/** How one value of a field is written (one item of a list, when it is not packed). */
export function wireTypeOf(field: DescField): WireType {
  if (field.fieldKind === "map") return WireType.LengthDelimited;
  if (field.message) return field.delimitedEncoding ? WireType.StartGroup : WireType.LengthDelimited;
  return field.scalar === undefined ? WireType.Varint : wireTypeOfScalar(field.scalar);
}

/** How a scalar is written. */
export function wireTypeOfScalar(type: ScalarType): WireType {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

const byNumber = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

/** The fields of a message by their numbers. */
export function fieldsByNumber(desc: DescMessage): ReadonlyMap<number, DescField> {
  let fields = byNumber.get(desc);
  if (!fields) {
    fields = new Map(desc.fields.map((field) => [field.number, field]));
    byNumber.set(desc, fields);
  }
  return fields;
}

/** The content of a group, of which a reader's `skip` gave everything to the end tag. */
export function withoutEndTag(data: Uint8Array, fieldNumber: number): Uint8Array {
  let size = 1;
  for (let tag = fieldNumber >>> 4; tag > 0; tag >>>= 7) size += 1;
  return data.subarray(0, data.length - size);
}
