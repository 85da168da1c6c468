import { type ServiceConfig, serviceConfig } from "../../lib/config/serviceSettings.js";
import type { SchemaRegistry } from "../../lib/schema/schemaRegistry.js";
import { readTypedSettings } from "../../lib/schema/typedSettings.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";

/** Everything that a connector is told. */
export interface ConnectorConfig extends ServiceConfig {
  readonly jwtSecret: string;
  /** Origins, `*`, or `loopback`. */
  readonly allowedOrigins: readonly string[];
  /** The types of messages. */
  readonly registry: SchemaRegistry;
  /** Serves the demo page and gives tokens to whoever asks: `halley dev` only. */
  readonly demo: DemoSettings | undefined;
  readonly limits: Limits;
}

/** What the demo page's commands need to reach this installation. Whoever sees the page sees them. */
export interface DemoSettings {
  /** Of the publish service. */
  readonly publishPort: number;
  /** The first NATS server's, without user and password. */
  readonly natsUrl: string;
  /** HALLEY_DATA, where it is not the default. */
  readonly dataFolder?: string;
  /** The API key that everybody knows; absent where another one is set. */
  readonly apiKey?: string;
}

/** Reads the environment, halley.yaml and the schemas. Throws ConfigError with every problem at once. */
export async function readConnectorConfig(env: Readonly<Record<string, string | undefined>>): Promise<ConnectorConfig> {
  const read = await readTypedSettings(env, ({ HALLEY_JWT_SECRET: secret }) => (secret === undefined ? [NO_SECRET] : []));
  const { settings, registry } = read;
  return Object.freeze({
    ...serviceConfig("CONNECTOR", read),
    jwtSecret: settings.HALLEY_JWT_SECRET ?? "",
    allowedOrigins: settings.HALLEY_ALLOWED_ORIGINS,
    registry,
    demo: undefined,
    limits: DEFAULT_LIMITS,
  });
}

const NO_SECRET = "HALLEY_JWT_SECRET is missing: set it to the secret, at least 32 characters, with which your backend signs tokens (HS256)";
