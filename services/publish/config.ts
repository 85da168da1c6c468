import type { Namespaces } from "../../lib/config/namespaces.js";
import { missingApiKeys } from "../../lib/config/serviceSettings.js";
import type { SchemaRegistry } from "../../lib/schema/schemaRegistry.js";
import { readTypedSettings } from "../../lib/schema/typedSettings.js";

/** Everything that the publish service is told. */
export interface PublishConfig {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly natsUrls: readonly string[];
  readonly namespaces: Namespaces;
  readonly apiKeys: readonly string[];
  /** The types of messages. */
  readonly registry: SchemaRegistry;
  readonly logLevel: string;
}

/** Reads the environment, halley.yaml and the schemas. Throws ConfigError with every problem at once. */
export async function readPublishConfig(env: Readonly<Record<string, string | undefined>>): Promise<PublishConfig> {
  const { settings, namespaces, natsUrls, registry } = await readTypedSettings(env, missingApiKeys);
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_PUBLISH_PORT,
    opsPort: settings.HALLEY_PUBLISH_OPS_PORT,
    natsUrls,
    namespaces,
    apiKeys: settings.HALLEY_API_KEYS,
    registry,
    logLevel: settings.HALLEY_LOG_LEVEL,
  });
}
