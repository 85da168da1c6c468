import { RpcError, type Violation } from "../errors/rpcError.js";

/** As many violations are named; the rest are counted. */
export const MAX_VIOLATIONS = 50;
/** The longest path that a violation names, in characters; longer ones lose their middle. */
const MAX_PATH = 200;
const MAX_DESCRIPTION = 200;

/** One step of the path to a value: a field's name, or a place in a list or a map. Made cheaply, written only for a violation. */
export interface Step {
  readonly parent: Step | undefined;
  /** A name joins with a dot, a number or a quoted key stands in brackets. */
  readonly part: { readonly name: string } | { readonly index: number } | { readonly key: string };
}

/** Collects what is wrong with one payload: the first 50 by path, the others as a count. */
export class Violations {
  readonly #payload: string | undefined;
  readonly #listed: Violation[] = [];
  #count = 0;

  /** `payload` is what the caller calls the payload: paths begin with it. Without, they begin inside the payload. */
  constructor(payload?: string) {
    this.#payload = payload;
  }

  /** How many were added. */
  get count(): number {
    return this.#count;
  }

  /** Adds one; `at` undefined means the payload as a whole. */
  add(at: Step | undefined, description: string): void {
    this.#count += 1;
    if (this.#listed.length >= MAX_VIOLATIONS) return;
    this.#listed.push({ field: this.#field(at), description: shorten(description, MAX_DESCRIPTION) });
  }

  /** What was added, with a last entry that counts those not named. */
  list(): Violation[] {
    const unnamed = this.#count - this.#listed.length;
    if (unnamed === 0) return [...this.#listed];
    return [...this.#listed, { field: this.#field(undefined), description: `has ${String(unnamed)} more violations` }];
  }

  /** The error that names them. There must be one at least. */
  toError(): RpcError {
    return RpcError.invalid(this.list(), "INVALID_MESSAGE");
  }

  #field(at: Step | undefined): string {
    if (at === undefined) return this.#payload ?? "payload";
    return pathOf(this.#payload === undefined ? at : rooted(at, this.#payload));
  }
}

function rooted({ parent, part }: Step, root: string): Step {
  return { parent: parent ? rooted(parent, root) : { parent: undefined, part: { name: root } }, part };
}

/** Writes a path: `items[2].price`, `prices["a"]`. */
function pathOf(at: Step): string {
  const parts: string[] = [];
  for (let step: Step | undefined = at; step; step = step.parent) parts.unshift(partOf(step, step.parent === undefined));
  return shorten(parts.join(""), MAX_PATH);
}

function partOf({ part }: Step, first: boolean): string {
  if ("name" in part) return `${first ? "" : "."}${shorten(part.name, 64)}`;
  return "index" in part ? `[${String(part.index)}]` : `[${JSON.stringify(shorten(part.key, 64))}]`;
}

/** Keeps both ends of a long text; never cuts through a surrogate pair. */
function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text.toWellFormed();
  const half = Math.floor((limit - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`.toWellFormed();
}
