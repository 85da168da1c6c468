import { missingApiKeys, type ServiceConfig, serviceConfig } from "../../lib/config/serviceSettings.js";
import type { SchemaRegistry } from "../../lib/schema/schemaRegistry.js";
import { readTypedSettings } from "../../lib/schema/typedSettings.js";

/** Everything that the publish service is told. */
export interface PublishConfig extends ServiceConfig {
  readonly apiKeys: readonly string[];
  /** The types of messages. */
  readonly registry: SchemaRegistry;
}

/** Reads the environment, halley.yaml and the schemas. Throws ConfigError with every problem at once. */
export async function readPublishConfig(env: Readonly<Record<string, string | undefined>>): Promise<PublishConfig> {
  const read = await readTypedSettings(env, missingApiKeys);
  const { settings, registry } = read;
  return Object.freeze({
    ...serviceConfig("PUBLISH", read),
    apiKeys: settings.HALLEY_API_KEYS,
    registry,
  });
}
