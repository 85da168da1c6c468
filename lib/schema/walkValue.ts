import type { JsonValue } from "@bufbuild/protobuf";
import { MAX_MESSAGE_DEPTH } from "./descriptors.js";
import type { Step, Violations } from "./violations.js";

/**
 * Names what can't be held by google.protobuf.Value: numbers beyond a double, broken Unicode, nesting that is too deep.
 * `depth` counts messages, and each value is one.
 */
export function walkValue(json: JsonValue, at: Step | undefined, depth: number, violations: Violations): void {
  if (depth > MAX_MESSAGE_DEPTH) {
    violations.add(at, `is nested more than ${String(MAX_MESSAGE_DEPTH)} messages deep`);
  } else if (typeof json === "number") {
    if (!Number.isFinite(json)) violations.add(at, "is larger than a double can be");
  } else if (typeof json === "string") {
    if (!json.isWellFormed()) violations.add(at, "is not well-formed Unicode");
  } else if (Array.isArray(json)) {
    for (const [index, item] of json.entries()) walkValue(item, { parent: at, part: { index } }, depth + 1, violations);
  } else if (typeof json === "object" && json !== null) {
    for (const [name, member] of Object.entries(json)) {
      const step: Step = { parent: at, part: { name } };
      if (!name.isWellFormed()) violations.add(step, "has a name that is not well-formed Unicode");
      walkValue(member, step, depth + 1, violations);
    }
  }
}
