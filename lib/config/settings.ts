import { z } from "zod";
import { originFault } from "./allowedOrigin.js";
import { ConfigError } from "./configError.js";

/** One setting of the environment. */
export interface Setting<T> {
  readonly schema: z.ZodType<T, string | undefined>;
  /** What it is for, its default and why; shown by `halley check-config` and in the docs. */
  readonly about: string;
}

const list = z
  .string()
  .optional()
  .transform((text) => (text ?? "").split(",").map((part) => part.trim()).filter((part) => part !== ""));
const origins = list.superRefine((entries, context) => {
  for (const entry of entries) {
    const fault = originFault(entry);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  }
});
const text = z.string().min(1).optional();
const port = (byDefault: number): z.ZodType<number, string | undefined> =>
  z
    .string()
    .regex(/^\d{1,5}$/, "must be a port number")
    .default(String(byDefault))
    .transform(Number)
    .refine((value) => value <= 65_535, "must be a port number, 0 to 65535");

/** Where `halley dev` keeps its streams, below the folder that it is started in. */
export const DEFAULT_DATA_FOLDER = ".halley";

/** Every environment variable of Halley. A name that begins with HALLEY_ and is not here is refused: it is a typing error. */
export const SETTINGS = {
  HALLEY_HOST: { schema: z.string().min(1).optional(), about: "Address to listen on. Default: 0.0.0.0; in `halley dev` 127.0.0.1." },
  HALLEY_CONNECTOR_PORT: { schema: port(8080), about: "Connector: WebSocket, long-poll, SDK. Default 8080; 0 picks a free port." },
  HALLEY_PUBLISH_PORT: { schema: port(50051), about: "Publish service, gRPC. Default 50051." },
  HALLEY_PRESENCE_PORT: { schema: port(50052), about: "Presence service, gRPC. Default 50052." },
  HALLEY_PUBLISH_OPS_PORT: { schema: port(9101), about: "Publish: /metrics, /healthz, /readyz. Default 9101." },
  HALLEY_CONNECTOR_OPS_PORT: { schema: port(9102), about: "Connector: /metrics, /healthz, /readyz. Default 9102." },
  HALLEY_PRESENCE_OPS_PORT: { schema: port(9103), about: "Presence: /metrics, /healthz, /readyz. Default 9103." },
  HALLEY_NATS_URL: { schema: list, about: "NATS servers, comma-separated; with user and password as `nats://user:password@host:4222`, the same for all. Default: nats://127.0.0.1:4222; in `halley dev` a private server." },
  HALLEY_NATS_SERVER: { schema: text, about: "`halley dev`: the nats-server binary. Default: the one on PATH." },
  HALLEY_NATS_PORT: { schema: port(4222), about: "`halley dev`: port of the private nats-server. Default 4222." },
  HALLEY_DATA: { schema: z.string().min(1).default(DEFAULT_DATA_FOLDER), about: "`halley dev`: folder of the private nats-server's streams. Default .halley." },
  HALLEY_CONFIG: { schema: text, about: "Path of halley.yaml, which names the namespaces. All services need the same." },
  HALLEY_JWT_SECRET: {
    schema: z.string().min(32, "must be at least 32 characters: HS256 is as strong as its secret").optional(),
    about: "Secret of the HS256 tokens that sign browsers in; `sub` is the user id. Connectors refuse to start without.",
  },
  HALLEY_API_KEYS: { schema: list, about: "Keys of backends, comma-separated. Publish and presence refuse to start without." },
  HALLEY_SCHEMAS: { schema: text, about: "A folder of .proto files, or a compiled descriptor set (.binpb): the types of messages." },
  HALLEY_ALLOWED_ORIGINS: { schema: origins, about: "Origins (scheme://host[:port]) whose pages may connect, comma-separated, or *. Default: none; in `halley dev` loopback ones." },
  HALLEY_LOG_LEVEL: {
    schema: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
    about: "Least level that is logged. Default info.",
  },
} as const satisfies Record<string, Setting<unknown>>;

/** The name of an environment variable of Halley. */
export type SettingName = keyof typeof SETTINGS;

/** All settings, parsed. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]["schema"]> };

/** Reads the environment. Throws ConfigError with every problem at once; never names the value of a secret. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith("HALLEY_") && !(name in SETTINGS))
    .map((name) => `${name} is not a setting of Halley: correct or remove it (docs/settings.md lists them)`);
  const values: Record<string, unknown> = {};
  for (const [name, { schema }] of Object.entries(SETTINGS)) {
    const raw = env[name];
    const parsed = schema.safeParse(raw === "" ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name} ${issue.message}`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Settings;
}
