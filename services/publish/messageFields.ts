import type { Message } from "../../gen/halley/v1/message.js";
import type { Violation } from "../../lib/errors/rpcError.js";
import { headerTextFault, MAX_KEY_BYTES, MAX_TYPE_BYTES, payloadSizeFault, tagFaults } from "../../lib/message/messageRules.js";

/** A payload as it will travel. */
export interface EncodedPayload {
  readonly encoding: "json" | "protobuf";
  readonly data: Uint8Array;
}

/** The payload's bytes; undefined, and a violation, where there is none or it is too large. */
export function readPayload({ payload }: Message, path: string, violations: Violation[]): EncodedPayload | undefined {
  if (!payload) {
    violations.push({ field: `${path}message.payload`, description: "is missing: set json or protobuf" });
    return undefined;
  }
  const data = payload.$case === "json" ? Buffer.from(payload.value, "utf8") : payload.value;
  const tooLarge = payloadSizeFault(data.length);
  if (tooLarge !== undefined) {
    violations.push({ field: `${path}message.${payload.$case}`, description: tooLarge });
    return undefined;
  }
  return { encoding: payload.$case, data };
}

/** Adds what is wrong with what describes the payload: type, key and tags. */
export function checkFields({ type, key, tags }: Message, path: string, violations: Violation[]): void {
  const add = (field: string, description: string | undefined): void => {
    if (description !== undefined) violations.push({ field: `${path}message.${field}`, description });
  };
  add("type", headerTextFault(type, MAX_TYPE_BYTES));
  add("key", headerTextFault(key, MAX_KEY_BYTES));
  for (const { field, description } of tagFaults(tags)) add(field, description);
}
