import type { Namespace } from "../config/namespaces.js";
import { RpcError } from "../errors/rpcError.js";
import { type CheckedPayload, UntypedPayload } from "./checkedPayload.js";
import { decodeUtf8, inOneLine, parseJson } from "./jsonText.js";
import type { SchemaRegistry } from "./schemaRegistry.js";
import { Violations } from "./violations.js";

/** A payload as it came in. */
export interface Payload {
  /** Full name of a registered type, the name of an event, or "". */
  readonly type: string;
  readonly encoding: "json" | "protobuf";
  readonly data: Uint8Array;
}

/** How the caller calls the parts of a payload in the paths of violations. */
export interface PayloadNames {
  /** Default: "type". */
  readonly type?: string;
  /** Begins the paths into the payload. Default: they begin inside the payload, and "payload" is the whole. */
  readonly data?: string;
}

/**
 * Checks a payload by the rules of its namespace: of a registered type it must be a valid message, and the namespace must
 * accept the type; without one it must be JSON, and the namespace must be `untyped`. In untyped JSON a name may stand
 * twice in an object: the text goes on unchanged, and readers take the last. The check is complete when this returns.
 * Throws INVALID_MESSAGE with every violation. The result shares memory with `data`.
 */
export function checkPayload(registry: SchemaRegistry, namespace: Namespace, payload: Payload, names: PayloadNames = {}): CheckedPayload {
  const refusal = refusalOf(registry, namespace, payload);
  if (refusal !== undefined) throw RpcError.invalid([{ field: names.type ?? "type", description: refusal }], "INVALID_MESSAGE");
  const registered = registry.has(payload.type);
  if (registered && payload.encoding === "protobuf") return registry.fromBytes(payload.type, payload.data, names.data);
  const violations = new Violations(names.data);
  const text = decodeUtf8(payload.data, violations);
  if (text === undefined) throw violations.toError();
  if (registered) return registry.fromJson(payload.type, text, names.data);
  if (!parseJson(text, violations)) throw violations.toError();
  return new UntypedPayload(inOneLine(text));
}

/** Why a payload of this type can't be accepted, whatever it holds. */
function refusalOf(registry: SchemaRegistry, namespace: Namespace, { type, encoding }: Payload): string | undefined {
  if (registry.has(type)) {
    if (!namespace.types || namespace.types.includes(type)) return undefined;
    return `${type} is not accepted in ${namespace.name}: only ${namespace.types.join(", ")}`;
  }
  const unknown = type === "" ? "a registered type is needed" : `${type} is not a registered type`;
  if (encoding === "protobuf") return `${unknown}, and bytes can't be checked without one`;
  return namespace.untyped ? undefined : `${unknown}, and ${namespace.name} does not accept untyped JSON`;
}
