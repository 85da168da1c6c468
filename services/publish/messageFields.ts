import type { Message } from "../../gen/halley/v1/message.js";
import type { Violation } from "../../lib/errors/rpcError.js";

/** The largest payload, in bytes: NATS's own default limit of 1 MiB leaves room for headers, and browsers for patience. */
export const MAX_PAYLOAD_BYTES = 512 * 2 ** 10;
const MAX_TYPE_BYTES = 255;
const MAX_KEY_BYTES = 128;
const MAX_TAGS = 16;
const MAX_TAG_VALUE_BYTES = 256;

const TAG_NAME = /^[A-Za-z0-9_-]{1,64}$/;
// What can't stand in a header line, or would not be seen: controls, line and paragraph separators, halves of a pair.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

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
  if (data.length > MAX_PAYLOAD_BYTES) {
    const description = `is ${String(data.length)} bytes, at most ${String(MAX_PAYLOAD_BYTES)} are allowed`;
    violations.push({ field: `${path}message.${payload.$case}`, description });
    return undefined;
  }
  return { encoding: payload.$case, data };
}

/** Adds what is wrong with what describes the payload: type, key and tags. */
export function checkFields({ type, key, tags }: Message, path: string, violations: Violation[]): void {
  const add = (field: string, description: string | undefined): void => {
    if (description !== undefined) violations.push({ field: `${path}message.${field}`, description });
  };
  add("type", textFault(type, MAX_TYPE_BYTES));
  add("key", textFault(key, MAX_KEY_BYTES));
  const names = Object.keys(tags);
  if (names.length > MAX_TAGS) add("tags", `are ${String(names.length)}, at most ${String(MAX_TAGS)} are allowed`);
  for (const name of names.slice(0, MAX_TAGS)) {
    if (TAG_NAME.test(name)) add(`tags.${name}`, textFault(tags[name] ?? "", MAX_TAG_VALUE_BYTES));
    else add("tags", `the name ${JSON.stringify(name.slice(0, 64))} must be 1 to 64 of A-Z, a-z, 0-9, _ and -`);
  }
}

/** Header values lose spaces at their ends on the way, so that two keys could become one: none are allowed there. */
function textFault(text: string, maxBytes: number): string | undefined {
  if (text === "") return undefined;
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) return `is ${String(bytes)} bytes, at most ${String(maxBytes)} are allowed`;
  if (UNPRINTABLE.test(text)) return "must not hold control characters or line breaks";
  return text.trim() === text ? undefined : "must not begin or end with a space";
}
