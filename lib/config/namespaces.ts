import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { EVERYONE_CHANNEL, namespaceFault, namespaceOf, SYSTEM_NAMESPACE, USER_NAMESPACE } from "../channel/channelName.js";
import { ConfigError } from "./configError.js";
import { parseBytes, parseDurationMs } from "./size.js";

/** What a namespace keeps. */
export interface History {
  /** Messages per channel; the oldest go first. */
  readonly messages: number;
  /** How long a message is kept, in milliseconds. */
  readonly ageMs: number;
  /** The whole namespace's bytes on disk. */
  readonly bytes: number;
}

/** Who may do a thing from a browser. */
export type Access = "signed-in" | "nobody";

/** One configured namespace. */
export interface Namespace {
  readonly name: string;
  /** Undefined: ephemeral, nothing is stored. */
  readonly history: History | undefined;
  /** Whether member lists are kept. */
  readonly presence: boolean;
  readonly subscribe: Access;
  readonly publish: Access;
  /** Full names of the accepted protobuf messages; undefined: any registered one. */
  readonly types: readonly string[] | undefined;
  /** Whether JSON without a registered type is accepted. */
  readonly untyped: boolean;
}

/** The whole of halley.yaml, with the namespaces that always exist. */
export interface Namespaces {
  /** Replicas of each stream: 1, or 3 and 5 on a cluster. */
  readonly replicas: number;
  readonly all: readonly Namespace[];
  byName(name: string): Namespace | undefined;
  /** The namespace of a (valid) channel name. */
  ofChannel(channel: string): Namespace | undefined;
}

/** The registered protobuf messages, as far as `types` is held to them. */
export interface KnownTypes {
  has(type: string): boolean;
}

const bytes = z.string().transform((text, context) => parseBytes(text) ?? fault(context, "is not a size like 512MiB or 1GiB"));
const duration = z
  .string()
  .transform((text, context) => parseDurationMs(text) ?? fault(context, "is not a duration like 30s, 10m or 1h"));

const namespaceSchema = z.strictObject({
  history: z
    .strictObject({
      messages: z.number().int().min(1).max(10_000_000),
      // JetStream refuses ages below 100 ms; below a few seconds nothing can be recovered.
      age: duration.refine((ageMs) => ageMs >= 1_000, "must be at least 1s"),
      bytes: bytes.refine((size) => size >= 2 ** 20, "must be at least 1MiB"),
    })
    .optional(),
  presence: z.boolean().optional(),
  subscribe: z.enum(["signed-in", "nobody"]).optional(),
  publish: z.enum(["signed-in", "nobody"]).optional(),
  types: z.array(z.string().min(1)).min(1).optional(),
  untyped: z.boolean().optional(),
});

const fileSchema = z.strictObject({
  replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
  namespaces: z.record(z.string(), namespaceSchema).default({}),
});

/** 1,000 messages a channel and a day: enough to come back to after a night's sleep. */
const BUILT_IN_HISTORY: History = { messages: 1_000, ageMs: 24 * 3_600_000, bytes: 2 ** 30 };
/** Everything is denied, and nothing kept, unless the file says otherwise. */
const NOTHING: Omit<Namespace, "name"> = { history: undefined, presence: false, subscribe: "nobody", publish: "nobody", types: undefined, untyped: false };
/** What always exists; the file may change `user` and `all`. */
const BUILT_IN: readonly Namespace[] = [
  { ...NOTHING, name: USER_NAMESPACE, history: BUILT_IN_HISTORY, subscribe: "signed-in", untyped: true } as const,
  { ...NOTHING, name: EVERYONE_CHANNEL, history: BUILT_IN_HISTORY, subscribe: "signed-in", untyped: true } as const,
  { ...NOTHING, name: SYSTEM_NAMESPACE, untyped: true },
].map((namespace) => Object.freeze(namespace));

/**
 * Reads halley.yaml; `path` undefined: only what always exists. With `known`, `types` may name registered messages only.
 * Throws ConfigError with every problem.
 */
export function loadNamespaces(path: string | undefined, known?: KnownTypes): Namespaces {
  if (path === undefined) return parseNamespaces({}, "no configuration");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError([`${path} can't be read (${error instanceof Error ? error.message : String(error)}): set HALLEY_CONFIG to the path of your halley.yaml`]);
  }
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (error) {
    throw new ConfigError([`${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`]);
  }
  return parseNamespaces(document, path, known);
}

/**
 * Validates the content of a halley.yaml; `source` names it in the problems. With `known`, `types` may name registered
 * messages only. Throws ConfigError with every problem.
 */
export function parseNamespaces(document: unknown, source: string, known?: KnownTypes): Namespaces {
  const parsed = fileSchema.safeParse(document);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${source}: ${issue.path.map(String).join(".") || "(top)"}: ${issue.message}`);
  for (const [name, given] of givenIn(document)) {
    const wrong = namespaceFault(name) ?? (name === SYSTEM_NAMESPACE ? "is reserved" : undefined);
    if (wrong !== undefined) problems.push(`${source}: namespaces.${name}: the name ${wrong}`);
    for (const type of unknownTypesIn(given, known)) {
      problems.push(`${source}: namespaces.${name}.types: ${type} is not in HALLEY_SCHEMAS: correct the name, or set HALLEY_SCHEMAS to .proto files that define it`);
    }
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);

  const namespaces = new Map(BUILT_IN.map((namespace) => [namespace.name, namespace]));
  for (const [name, given] of Object.entries(parsed.data.namespaces)) namespaces.set(name, changed(namespaces.get(name) ?? { ...NOTHING, name }, given));
  return collect(parsed.data.replicas, namespaces);
}

/** The same namespaces, with some replaced or added. */
export function withNamespaces(base: Namespaces, changed: readonly Namespace[]): Namespaces {
  return collect(base.replicas, new Map([...base.all, ...changed].map((namespace) => [namespace.name, namespace])));
}

function collect(replicas: number, namespaces: ReadonlyMap<string, Namespace>): Namespaces {
  return Object.freeze({
    replicas,
    all: Object.freeze([...namespaces.values()]),
    byName: (name: string) => namespaces.get(name),
    ofChannel: (channel: string) => namespaces.get(namespaceOf(channel)),
  });
}

/** The namespaces of a document that may be wrong in other ways. */
function givenIn(document: unknown): [string, unknown][] {
  const given = z.object({ namespaces: z.record(z.string(), z.unknown()) }).safeParse(document);
  return given.success ? Object.entries(given.data.namespaces) : [];
}

/** The types that a namespace names, which may be wrong in other ways, and that are not registered. */
function unknownTypesIn(namespace: unknown, known: KnownTypes | undefined): string[] {
  const named = z.object({ types: z.array(z.string().min(1)) }).safeParse(namespace);
  return known && named.success ? named.data.types.filter((type) => !known.has(type)) : [];
}

/** What the file says of a namespace, on top of what holds where it says nothing. */
function changed(base: Namespace, { history, ...given }: z.output<typeof namespaceSchema>): Namespace {
  const kept = history ? { messages: history.messages, ageMs: history.age, bytes: history.bytes } : base.history;
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return Object.freeze({ ...base, ...said, history: kept });
}

function fault(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}
