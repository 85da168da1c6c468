import { isUtf8 } from "node:buffer";
import { findDuplicateNames, shapeOf } from "./jsonScan.js";
import type { Violations } from "./violations.js";

/** How deeply arrays and objects of a payload may be nested. Readers that recurse, here and in browsers, stay safe. */
export const MAX_JSON_DEPTH = 200;

/** A JSON text that was read without a violation. */
export interface ParsedJson {
  readonly text: string;
  readonly value: unknown;
}

/** Decodes UTF-8; undefined, and a violation, where the bytes are none. */
export function decodeUtf8(data: Uint8Array, violations: Violations): string | undefined {
  if (isUtf8(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
  violations.add(undefined, "is not UTF-8");
  return undefined;
}

/** Parses a JSON text (RFC 8259) of bounded depth; undefined, and a violation, where it is none. Never overflows the stack. */
export function parseJson(text: string, violations: Violations): ParsedJson | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    violations.add(undefined, `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  if (shapeOf(text).depth > MAX_JSON_DEPTH) {
    violations.add(undefined, `is nested more than ${String(MAX_JSON_DEPTH)} levels deep`);
    return undefined;
  }
  return { text, value };
}

/** Adds a violation for each member name that an object has twice. JSON.parse would keep the last and hide the others. */
export function checkDuplicateNames({ text, value }: ParsedJson, violations: Violations): void {
  if (shapeOf(text).members !== countMembers(value)) findDuplicateNames(text, violations);
}

/** Valid JSON in one line. Line breaks stand between tokens only (in strings they are escaped), so spaces mean the same. */
export function inOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, " ") : text;
}

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countMembers(item);
    return count;
  }
  for (const member of Object.values(value)) count += 1 + countMembers(member);
  return count;
}
