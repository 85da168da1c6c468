import type { Namespaces } from "../../lib/config/namespaces.js";
import { missingApiKeys, readServiceSettings } from "../../lib/config/serviceSettings.js";

/** Everything that the publish service is told. */
export interface PublishConfig {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly natsUrls: readonly string[];
  readonly namespaces: Namespaces;
  readonly apiKeys: readonly string[];
  /** A folder of .proto files or a descriptor set; undefined: no registered types. */
  readonly schemas: string | undefined;
  readonly logLevel: string;
}

/** Reads the environment and halley.yaml. Throws ConfigError with every problem at once. */
export function readPublishConfig(env: Readonly<Record<string, string | undefined>>): PublishConfig {
  const { settings, namespaces, natsUrls } = readServiceSettings(env, missingApiKeys);
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_PUBLISH_PORT,
    opsPort: settings.HALLEY_PUBLISH_OPS_PORT,
    natsUrls,
    namespaces,
    apiKeys: settings.HALLEY_API_KEYS,
    schemas: settings.HALLEY_SCHEMAS,
    logLevel: settings.HALLEY_LOG_LEVEL,
  });
}
