import type { DescField, DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { fieldNamed, hasOwnJsonForm, isAny, isRequired, isValueType, MAX_MESSAGE_DEPTH, takesNull } from "./descriptors.js";
import { fieldLeafFault, isObject, kindOf, messageLeafFault } from "./jsonLeaf.js";
import { checkMapKey } from "./mapKey.js";
import type { Step, Violations } from "./violations.js";
import { walkValue } from "./walkValue.js";

type ListField = DescField & { readonly fieldKind: "list" };
type MapField = DescField & { readonly fieldKind: "map" };

/**
 * Names everything that is wrong with a JSON value as a protobuf message. The library stops at its first error, so this
 * walks along the descriptor and lets the library judge each leaf, alone in a message of its own.
 */
export class JsonWalk {
  readonly #registry: Registry;
  readonly #violations: Violations;

  constructor(registry: Registry, violations: Violations) {
    this.#registry = registry;
    this.#violations = violations;
  }

  /** Walks one message. `depth` is 1 for the payload itself. */
  message(desc: DescMessage, json: JsonValue, at: Step | undefined, depth: number): void {
    if (depth > MAX_MESSAGE_DEPTH) this.#violations.add(at, `is nested more than ${String(MAX_MESSAGE_DEPTH)} messages deep`);
    else if (isValueType(desc)) this.#value(desc, json, at, depth);
    else if (isAny(desc)) this.#any(desc, json, at, depth);
    else if (hasOwnJsonForm(desc)) this.#judge(at, messageLeafFault(desc, json, this.#registry));
    else if (isObject(json)) this.#members(desc, json, at, depth);
    else this.#violations.add(at, `must be an object (${desc.typeName}), not ${kindOf(json)}`);
  }

  #members(desc: DescMessage, json: JsonObject, at: Step | undefined, depth: number): void {
    const seen = new Set<DescField>();
    const claimed = new Map<object, DescField>();
    for (const [name, value] of Object.entries(json)) {
      const step: Step = { parent: at, part: { name } };
      const field = fieldNamed(desc, name);
      if (!field) {
        this.#violations.add(step, `is not a field of ${desc.typeName}`);
        continue;
      }
      if (seen.has(field)) this.#violations.add(step, `is given more than once: ${field.name} and ${field.jsonName} are the same field`);
      seen.add(field);
      this.#claimOneof(field, value, step, claimed);
      this.#field(field, value, step, depth);
    }
    for (const field of desc.fields) {
      if (isRequired(field) && !isSet(field, json)) this.#violations.add({ parent: at, part: { name: field.jsonName } }, "is required");
    }
  }

  #claimOneof(field: DescField, value: JsonValue, at: Step, claimed: Map<object, DescField>): void {
    // A null says "not set", except that a message or an enum in a oneof still claims it: the library's rule.
    if (!field.oneof || (value === null && field.fieldKind === "scalar")) return;
    const other = claimed.get(field.oneof);
    if (other && other !== field) this.#violations.add(at, `can't stand beside ${other.jsonName}: only one of ${field.oneof.name} may be set`);
    claimed.set(field.oneof, field);
  }

  #field(field: DescField, value: JsonValue, at: Step, depth: number): void {
    if (value === null && !takesNull(field)) return;
    switch (field.fieldKind) {
      case "scalar":
      case "enum":
        this.#judge(at, fieldLeafFault(field, value, value, this.#registry));
        break;
      case "message":
        this.message(field.message, value, at, depth + 1);
        break;
      case "list":
        if (Array.isArray(value)) this.#items(field, value, at, depth);
        else if (value !== null) this.#violations.add(at, `must be an array, not ${kindOf(value)}`);
        break;
      case "map":
        if (isObject(value)) this.#entries(field, value, at, depth);
        else if (value !== null) this.#violations.add(at, `must be an object (a map), not ${kindOf(value)}`);
        break;
    }
  }

  #items(field: ListField, items: readonly JsonValue[], list: Step, depth: number): void {
    for (const [index, item] of items.entries()) {
      const at: Step = { parent: list, part: { index } };
      if (item === null && !takesNull(field)) this.#violations.add(at, "must not be null");
      else if (field.listKind === "message") this.message(field.message, item, at, depth + 1);
      else this.#judge(at, fieldLeafFault(field, item, [item], this.#registry));
    }
  }

  #entries(field: MapField, entries: JsonObject, map: Step, depth: number): void {
    const keys = new Set<string>();
    for (const [key, value] of Object.entries(entries)) {
      const at: Step = { parent: map, part: { key } };
      const checked = checkMapKey(field.mapKey, key);
      if ("fault" in checked) this.#violations.add(at, checked.fault);
      else if (keys.has(checked.key)) this.#violations.add(at, "has the same key as another entry");
      else keys.add(checked.key);
      if (value === null && !takesNull(field)) this.#violations.add(at, "must not be null");
      else if (field.mapKind === "message") this.message(field.message, value, at, depth + 1);
      else if (!("fault" in checked)) this.#judge(at, fieldLeafFault(field, value, { [key]: value }, this.#registry));
    }
  }

  #value(desc: DescMessage, json: JsonValue, at: Step | undefined, depth: number): void {
    if (desc.typeName.endsWith(".Struct") && !isObject(json)) this.#violations.add(at, `must be an object, not ${kindOf(json)}`);
    else if (desc.typeName.endsWith(".ListValue") && !Array.isArray(json)) this.#violations.add(at, `must be an array, not ${kindOf(json)}`);
    else walkValue(json, at, desc.typeName.endsWith(".Value") ? depth + 1 : depth, this.#violations);
  }

  #any(desc: DescMessage, json: JsonValue, at: Step | undefined, depth: number): void {
    const url = isObject(json) ? json["@type"] : undefined;
    const inner = typeof url === "string" ? this.#registry.getMessage(url.slice(url.lastIndexOf("/") + 1)) : undefined;
    if (!isObject(json) || !inner) {
      this.#judge(at, messageLeafFault(desc, json, this.#registry));
    } else if (hasOwnJsonForm(inner) && Object.hasOwn(json, "value")) {
      this.message(inner, json["value"] ?? null, { parent: at, part: { name: "value" } }, depth + 1);
    } else {
      const members = Object.fromEntries(Object.entries(json).filter(([name]) => name !== "@type"));
      this.message(inner, members, at, depth + 1);
    }
  }

  #judge(at: Step | undefined, fault: string | undefined): void {
    if (fault !== undefined) this.#violations.add(at, fault);
  }
}

/** Whether an object has the field, in either spelling, with something that counts as a value. */
function isSet(field: DescField, json: JsonObject): boolean {
  return [field.jsonName, field.name].some((name) => Object.hasOwn(json, name) && (json[name] !== null || takesNull(field)));
}
