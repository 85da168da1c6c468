import type { Namespaces } from "../../lib/config/namespaces.js";
import { readServiceSettings } from "../../lib/config/serviceSettings.js";
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
  /** A folder of .proto files or a descriptor set; undefined: no registered types. */
  readonly schemas: string | undefined;
  /** Serves the demo page and gives tokens to whoever asks: `halley dev` only. */
  readonly demo: boolean;
  readonly limits: Limits;
  readonly logLevel: string;
}

/** Reads the environment and halley.yaml. Throws ConfigError with every problem at once. */
export function readConnectorConfig(env: Readonly<Record<string, string | undefined>>): ConnectorConfig {
  const { settings, namespaces, natsUrls } = readServiceSettings(env, ({ HALLEY_JWT_SECRET: secret }) => (secret === undefined ? [NO_SECRET] : []));
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_CONNECTOR_PORT,
    opsPort: settings.HALLEY_CONNECTOR_OPS_PORT,
    natsUrls,
    namespaces,
    jwtSecret: settings.HALLEY_JWT_SECRET ?? "",
    allowedOrigins: settings.HALLEY_ALLOWED_ORIGINS,
    schemas: settings.HALLEY_SCHEMAS,
    demo: false,
    limits: DEFAULT_LIMITS,
    logLevel: settings.HALLEY_LOG_LEVEL,
  });
}

const NO_SECRET = "HALLEY_JWT_SECRET is missing: set it to the secret, at least 32 characters, with which your backend signs tokens (HS256)";
