import type { Namespaces } from "../../lib/config/namespaces.js";
import type { SchemaRegistry } from "../../lib/schema/schemaRegistry.js";
import { readTypedSettings } from "../../lib/schema/typedSettings.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";

/** Everything that a connector is told. */
export interface ConnectorConfig {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly natsUrls: readonly string[];
  readonly namespaces: Namespaces;
  readonly jwtSecret: string;
  /** Origins, `*`, or `loopback`. */
  readonly allowedOrigins: readonly string[];
  /** The types of messages. */
  readonly registry: SchemaRegistry;
  /** Serves the demo page and gives tokens to whoever asks: `halley dev` only. */
  readonly demo: boolean;
  readonly limits: Limits;
  readonly logLevel: string;
}

/** Reads the environment, halley.yaml and the schemas. Throws ConfigError with every problem at once. */
export async function readConnectorConfig(env: Readonly<Record<string, string | undefined>>): Promise<ConnectorConfig> {
  const { settings, namespaces, natsUrls, registry } = await readTypedSettings(env, ({ HALLEY_JWT_SECRET: secret }) => (secret === undefined ? [NO_SECRET] : []));
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_CONNECTOR_PORT,
    opsPort: settings.HALLEY_CONNECTOR_OPS_PORT,
    natsUrls,
    namespaces,
    jwtSecret: settings.HALLEY_JWT_SECRET ?? "",
    allowedOrigins: settings.HALLEY_ALLOWED_ORIGINS,
    registry,
    demo: false,
    limits: DEFAULT_LIMITS,
    logLevel: settings.HALLEY_LOG_LEVEL,
  });
}

const NO_SECRET = "HALLEY_JWT_SECRET is missing: set it to the secret, at least 32 characters, with which your backend signs tokens (HS256)";
