import type { Message } from "../../gen/halley/v1/message.js";
import type { Violation } from "../../lib/errors/rpcError.js";
import { headerTextFault, MAX_KEY_BYTES, MAX_TAGS, MAX_TYPE_BYTES, payloadSizeFault } from "../../lib/message/messageRules.js";

const MAX_TAG_VALUE_BYTES = 256;

const TAG_NAME = /^[A-Za-z0-9_-]{1,64}$/;

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
  const names = Object.keys(tags);
  if (names.length > MAX_TAGS) add("tags", `are ${String(names.length)}, at most ${String(MAX_TAGS)} are allowed`);
  for (const name of names.slice(0, MAX_TAGS)) {
    if (TAG_NAME.test(name)) add(`tags.${name}`, headerTextFault(tags[name] ?? "", MAX_TAG_VALUE_BYTES));
    else add("tags", `the name ${JSON.stringify(name.slice(0, 64))} must be 1 to 64 of A-Z, a-z, 0-9, _ and -`);
  }
}
