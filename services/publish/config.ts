import { ConfigError } from "../../lib/config/configError.js";
import { loadNamespaces, type Namespaces } from "../../lib/config/namespaces.js";
import { readSettings } from "../../lib/config/settings.js";

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
  const problems: string[] = [];
  const settings = collect(() => readSettings(env), problems);
  const namespaces = collect(() => loadNamespaces(settings?.HALLEY_CONFIG ?? (env["HALLEY_CONFIG"] || undefined)), problems);
  if (settings?.HALLEY_API_KEYS.length === 0) {
    problems.push("HALLEY_API_KEYS is missing: set it to one or more keys, comma-separated, that backends send as 'authorization: Bearer <key>'");
  }
  if (problems.length > 0 || !settings || !namespaces) throw new ConfigError(problems);
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_PUBLISH_PORT,
    opsPort: settings.HALLEY_PUBLISH_OPS_PORT,
    natsUrls: settings.HALLEY_NATS_URL.length > 0 ? settings.HALLEY_NATS_URL : ["nats://127.0.0.1:4222"],
    namespaces,
    apiKeys: settings.HALLEY_API_KEYS,
    schemas: settings.HALLEY_SCHEMAS,
    logLevel: settings.HALLEY_LOG_LEVEL,
  });
}

function collect<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
