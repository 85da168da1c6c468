import { isUtf8 } from "node:buffer";
import { type DescEnum, type DescField, type DescMessage, fromBinary, type Registry, ScalarType, toJson } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { hasOwnJsonForm, isAny, isRequired, MAX_MESSAGE_DEPTH } from "./descriptors.js";
import { clauseOf } from "./jsonLeaf.js";
import { mapKeyText } from "./mapKey.js";
import type { Step, Violations } from "./violations.js";
import { fieldsByNumber, wireTypeOf, wireTypeOfScalar, withoutEndTag } from "./wireTypes.js";

/** Where a walk stands. */
interface Place {
  readonly desc: DescMessage;
  readonly at: Step | undefined;
  readonly depth: number;
  /** Inside a type with a JSON form of its own, which is judged as a whole. */
  readonly inLeaf: boolean;
}

/** One field as it was read: for wire type LengthDelimited the content, else the bytes of the value. */
interface Read {
  readonly number: number;
  readonly wireType: WireType;
  readonly data: Uint8Array;
}

type MapField = DescField & { readonly fieldKind: "map" };

/** 64 bits in groups of 7. */
const MAX_VARINT_BYTES = 10;

/**
 * Names everything that is wrong with the bytes of a protobuf message. Stricter than a decoder has to be: a field number
 * that the type doesn't have, or a field in another wire type, is a violation, because bytes of another type, and garbage,
 * often decode that way.
 */
export class BytesWalk {
  readonly #registry: Registry;
  readonly #violations: Violations;

  constructor(registry: Registry, violations: Violations) {
    this.#registry = registry;
    this.#violations = violations;
  }

  /** Walks the bytes of one message. `depth` is 1 for the payload itself. */
  message(bytes: Uint8Array, place: Place): void {
    if (place.depth > MAX_MESSAGE_DEPTH) {
      this.#violations.add(place.at, `is nested more than ${String(MAX_MESSAGE_DEPTH)} messages deep`);
      return;
    }
    const before = this.#violations.count;
    const isLeaf = hasOwnJsonForm(place.desc);
    this.#fields(bytes, isLeaf ? { ...place, inLeaf: true } : place);
    if (!isLeaf || place.inLeaf || this.#violations.count > before) return;
    if (isAny(place.desc)) this.#any(bytes, place);
    else this.#leaf(bytes, place);
  }

  #fields(bytes: Uint8Array, place: Place): void {
    const fields = fieldsByNumber(place.desc);
    const counts = new Map<number, number>();
    for (const read of this.#reads(bytes, place)) {
      const field = fields.get(read.number);
      if (!field) {
        this.#violations.add({ parent: place.at, part: { name: String(read.number) } }, `is not a field number of ${place.desc.typeName}`);
        continue;
      }
      const index = counts.get(read.number) ?? 0;
      counts.set(read.number, index + 1);
      this.#field(field, read, index, place);
    }
    for (const field of place.desc.fields) {
      if (isRequired(field) && !counts.has(field.number)) this.#violations.add({ parent: place.at, part: { name: field.jsonName } }, "is required");
    }
  }

  /** The fields in order, to the end or to the first that can't be read: what follows it can't be told. */
  *#reads(bytes: Uint8Array, { at, depth }: Place): Generator<Read> {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      let read: Read;
      try {
        const [number, wireType] = reader.tag();
        const data = wireType === WireType.LengthDelimited ? reader.bytes() : reader.skip(wireType, number, MAX_MESSAGE_DEPTH - depth);
        read = { number, wireType, data };
      } catch (error) {
        this.#violations.add(at, `breaks off or is not protobuf: ${error instanceof Error ? error.message : String(error)}`);
        return;
      }
      yield read;
    }
  }

  #field(field: DescField, read: Read, index: number, place: Place): void {
    const named: Step = { parent: place.at, part: { name: field.jsonName } };
    const at: Step = field.fieldKind === "list" ? { parent: named, part: { index } } : named;
    const expected = wireTypeOf(field);
    if (field.fieldKind === "map") {
      if (this.#inWireType(read, expected, at)) this.#entry(field, read.data, { ...place, at });
    } else if (field.message) {
      if (!this.#inWireType(read, expected, at)) return;
      const content = expected === WireType.StartGroup ? withoutEndTag(read.data, read.number) : read.data;
      this.message(content, { desc: field.message, at, depth: place.depth + 1, inLeaf: place.inLeaf });
    } else if (field.fieldKind === "list" && read.wireType === WireType.LengthDelimited && expected !== read.wireType) {
      this.#packed(field, read.data, expected, named);
    } else if (this.#inWireType(read, expected, at)) {
      this.#single(field, read.data, at);
    }
  }

  #inWireType({ wireType }: Read, expected: WireType, at: Step): boolean {
    if (wireType !== expected) this.#violations.add(at, `is in wire type ${WireType[wireType]}, not ${WireType[expected]}`);
    return wireType === expected;
  }

  #packed(field: DescField, data: Uint8Array, wireType: WireType, list: Step): void {
    const reader = new BinaryReader(data);
    try {
      for (let index = 0; reader.pos < reader.len; index += 1) {
        this.#single(field, reader.skip(wireType), { parent: list, part: { index } });
      }
    } catch {
      this.#violations.add(list, "breaks off in the middle of a packed item");
    }
  }

  #entry(field: MapField, data: Uint8Array, place: Place): void {
    const reads = [...this.#reads(data, place)];
    const key = reads.findLast((read) => read.number === 1);
    const at: Step = { parent: place.at, part: { key: key ? mapKeyText(field.mapKey, key.data) : "" } };
    const valueWireType = field.mapKind === "scalar" ? wireTypeOfScalar(field.scalar) : field.mapKind === "enum" ? WireType.Varint : WireType.LengthDelimited;
    for (const read of reads) {
      if (read.number === 1) {
        if (this.#inWireType(read, wireTypeOfScalar(field.mapKey), at)) this.#scalar(field.mapKey, read.data, at);
      } else if (read.number !== 2) {
        this.#violations.add(at, `holds field number ${String(read.number)}, which map entries don't have`);
      } else if (this.#inWireType(read, valueWireType, at)) {
        if (field.mapKind === "message") this.message(read.data, { desc: field.message, at, depth: place.depth + 1, inLeaf: place.inLeaf });
        else this.#single(field, read.data, at);
      }
    }
  }

  #single(field: DescField, data: Uint8Array, at: Step): void {
    if (field.enum) this.#enum(field.enum, data, at);
    else if (field.scalar !== undefined) this.#scalar(field.scalar, data, at);
  }

  #scalar(type: ScalarType, data: Uint8Array, at: Step): void {
    if (type === ScalarType.STRING && !isUtf8(data)) this.#violations.add(at, "is not UTF-8");
    else if (wireTypeOfScalar(type) === WireType.Varint && data.length > MAX_VARINT_BYTES) this.#violations.add(at, "is longer than 64 bits");
  }

  #enum(desc: DescEnum, data: Uint8Array, at: Step): void {
    this.#scalar(ScalarType.INT32, data, at);
    if (desc.open || data.length > MAX_VARINT_BYTES) return;
    const number = new BinaryReader(data).int32();
    if (!desc.values.some((value) => value.number === number)) this.#violations.add(at, `is not a value of ${desc.typeName}: ${String(number)}`);
  }

  #leaf(bytes: Uint8Array, { desc, at }: Place): void {
    try {
      toJson(desc, fromBinary(desc, bytes), { registry: this.#registry });
    } catch (error) {
      this.#violations.add(at, clauseOf(error));
    }
  }

  #any(bytes: Uint8Array, place: Place): void {
    const { typeUrl, value } = fromBinary(AnySchema, bytes);
    if (typeUrl === "" && value.length === 0) return;
    const inner = this.#registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    if (inner) this.message(value, { desc: inner, at: place.at, depth: place.depth + 1, inLeaf: false });
    else this.#violations.add(place.at, `holds a message of a type that is not registered: ${typeUrl}`);
  }
}
