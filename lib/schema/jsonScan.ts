import type { Step, Violations } from "./violations.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The index after the string whose opening quote is at `open`. */
function endOfString(text: string, open: number): number {
  for (let index = open + 1; ; index += 1) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE || Number.isNaN(code)) return index + 1;
  }
}

/** What can be told of a valid JSON text without building its values. */
export interface JsonShape {
  /** The deepest nesting of arrays and objects. */
  readonly depth: number;
  /** How many members its objects have, as written: a name that stands twice counts twice. */
  readonly members: number;
}

/** Measures a valid JSON text in one pass. */
export function shapeOf(text: string): JsonShape {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index) - 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x3a: // :
        members += 1;
        break;
    }
  }
  return { depth: deepest, members };
}

/** An array or object that is open at some place of a text. */
interface Open {
  readonly at: Step | undefined;
  /** Names seen so far; undefined in an array. */
  readonly names: Set<string> | undefined;
  /** Whether the next string is a name. */
  expectsName: boolean;
  /** The member or item that is being read. */
  name: string;
  index: number;
}

/** Adds a violation for each name that stands twice in one object of a valid JSON text. */
export function findDuplicateNames(text: string, violations: Violations): void {
  const stack: Open[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const open = stack.at(-1);
    switch (text.charAt(index)) {
      case '"': {
        const end = endOfString(text, index);
        if (open?.expectsName) takeName(open, JSON.parse(text.slice(index, end)) as string, violations);
        index = end - 1;
        break;
      }
      case "[":
        stack.push({ at: open && placeIn(open), names: undefined, expectsName: false, name: "", index: 0 });
        break;
      case "{":
        stack.push({ at: open && placeIn(open), names: new Set(), expectsName: true, name: "", index: 0 });
        break;
      case "]":
      case "}":
        stack.pop();
        break;
      case ",":
        if (open) nextIn(open);
        break;
    }
  }
}

function takeName(open: Open, name: string, violations: Violations): void {
  if (open.names?.has(name)) violations.add({ parent: open.at, part: { name } }, "is given more than once");
  open.names?.add(name);
  open.name = name;
  open.expectsName = false;
}

function nextIn(open: Open): void {
  open.index += 1;
  open.expectsName = open.names !== undefined;
}

function placeIn({ at, names, name, index }: Open): Step {
  return { parent: at, part: names ? { name } : { index } };
}
