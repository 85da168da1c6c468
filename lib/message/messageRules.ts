import type { Violation } from "../errors/rpcError.js";

/** The largest payload, in bytes: NATS's own default limit of 1 MiB leaves room for headers, and browsers for patience. */
export const MAX_PAYLOAD_BYTES = 512 * 2 ** 10;
/** The longest type, in bytes of UTF-8. */
export const MAX_TYPE_BYTES = 255;
/** The longest idempotency key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 128;
const MAX_TAGS = 16;
/** The longest value of a tag, in bytes of UTF-8. */
const MAX_TAG_BYTES = 256;
const TAG_NAME = /^[A-Za-z0-9_-]{1,64}$/;

// What can't stand in a header line, or would not be seen: controls, line and paragraph separators, halves of a pair.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Says what is wrong with a payload's size, or undefined. */
export function payloadSizeFault(bytes: number): string | undefined {
  return bytes > MAX_PAYLOAD_BYTES ? `is ${String(bytes)} bytes, at most ${String(MAX_PAYLOAD_BYTES)} are allowed` : undefined;
}

/**
 * Says what is wrong with a text that travels in a header (type, key, tag), or undefined; the empty one is none. Header values
 * lose spaces at their ends on the way, so that two keys could become one: none are allowed there.
 */
export function headerTextFault(text: string, maxBytes: number): string | undefined {
  if (text === "") return undefined;
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) return `is ${String(bytes)} bytes, at most ${String(maxBytes)} are allowed`;
  if (UNPRINTABLE.test(text)) return "must not hold control characters or line breaks";
  return text.trim() === text ? undefined : "must not begin or end with a space";
}

/** What is wrong with the tags of a message: fields are `tags` and `tags.<name>`. Looks at no more tags than are allowed. */
export function tagFaults(tags: Readonly<Record<string, string>>): Violation[] {
  const names = Object.keys(tags);
  const faults: Violation[] = [];
  if (names.length > MAX_TAGS) faults.push({ field: "tags", description: `are ${String(names.length)}, at most ${String(MAX_TAGS)} are allowed` });
  for (const name of names.slice(0, MAX_TAGS)) {
    if (!TAG_NAME.test(name)) {
      faults.push({ field: "tags", description: `the name ${JSON.stringify(name.slice(0, 64))} must be 1 to 64 of A-Z, a-z, 0-9, _ and -` });
      continue;
    }
    const description = headerTextFault(tags[name] ?? "", MAX_TAG_BYTES);
    if (description !== undefined) faults.push({ field: `tags.${name}`, description });
  }
  return faults;
}
