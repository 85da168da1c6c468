import { createFileRegistry, type DescMessage, type FileRegistry, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import { type CheckedPayload, TypedPayload } from "./checkedPayload.js";
import { mayNotConvert } from "./descriptors.js";
import { clauseOf } from "./jsonLeaf.js";
import { checkDuplicateNames, parseJson } from "./jsonText.js";
import { Violations } from "./violations.js";
import { BytesWalk } from "./walkBytes.js";
import { JsonWalk } from "./walkJson.js";

/** The protobuf types that messages may have. Immutable. */
export interface SchemaRegistry {
  /** Full names, sorted. */
  readonly types: readonly string[];
  /** Whether a full name ("demo.v1.ChatMessage") is a registered message. */
  has(type: string): boolean;
  /**
   * Checks a JSON text as the canonical JSON of a registered type. Throws INVALID_MESSAGE with every violation;
   * `payload`, if given, begins their paths. A member name
   * that stands twice in one object is a violation.
   */
  fromJson(type: string, text: string, payload?: string): CheckedPayload;
  /** Checks bytes as a registered type, strictly: unknown field numbers are violations. Throws as fromJson does. */
  fromBytes(type: string, bytes: Uint8Array, payload?: string): CheckedPayload;
}

/**
 * What the library reads in a way that could change the value: integers too long for a double, broken Unicode, numbers
 * with exponents (overflow in a google.protobuf.Value), extensions. Such a text is walked even when the library takes it.
 */
const NEEDS_WALK = /\d{16}|\d[eE]|\\u[dD][89a-fA-F]|"\[/;

/** A registry over compiled descriptors. Throws where they don't fit together. */
export function createSchemaRegistry(descriptors: FileDescriptorSet): SchemaRegistry {
  return new DescriptorRegistry(createFileRegistry(descriptors));
}

class DescriptorRegistry implements SchemaRegistry {
  readonly types: readonly string[];
  readonly #registry: FileRegistry;

  constructor(registry: FileRegistry) {
    this.#registry = registry;
    this.types = Object.freeze([...registry].filter((one) => one.kind === "message").map((one) => one.typeName).sort());
  }

  has(type: string): boolean {
    return this.#registry.getMessage(type) !== undefined;
  }

  fromJson(type: string, text: string, payload?: string): CheckedPayload {
    const desc = this.#desc(type);
    const violations = new Violations(payload);
    const parsed = parseJson(text, violations);
    if (!parsed) throw violations.toError();
    checkDuplicateNames(parsed, violations);
    const json = parsed.value as JsonValue;
    const { message, refusal } = this.#decode(desc, json);
    if (message === undefined || NEEDS_WALK.test(text)) new JsonWalk(this.#registry, violations).message(desc, json, undefined, 1);
    if (message === undefined && violations.count === 0) violations.add(undefined, clauseOf(refusal));
    if (message === undefined || violations.count > 0) throw violations.toError();
    return this.#checked(new TypedPayload(desc, this.#registry, { message }), desc, violations);
  }

  fromBytes(type: string, bytes: Uint8Array, payload?: string): CheckedPayload {
    const desc = this.#desc(type);
    const violations = new Violations(payload);
    new BytesWalk(this.#registry, violations).message(bytes, { desc, at: undefined, depth: 1, inLeaf: false });
    if (violations.count > 0) throw violations.toError();
    return this.#checked(new TypedPayload(desc, this.#registry, { protobuf: bytes }), desc, violations);
  }

  #decode(desc: DescMessage, json: JsonValue): { message?: Message; refusal?: unknown } {
    try {
      return { message: fromJson(desc, json, { registry: this.#registry }) };
    } catch (refusal) {
      return { refusal };
    }
  }

  /** Where a decoded message may still have no JSON form, that is found out now. */
  #checked(payload: TypedPayload, desc: DescMessage, violations: Violations): CheckedPayload {
    if (!mayNotConvert(desc)) return payload;
    try {
      payload.convert();
    } catch (error) {
      violations.add(undefined, clauseOf(error));
      throw violations.toError();
    }
    return payload;
  }

  #desc(type: string): DescMessage {
    const desc = this.#registry.getMessage(type);
    if (!desc) throw new Error(`${type} is not registered: ask has() first`);
    return desc;
  }
}
