import { ConfigError, keepProblems } from "../config/configError.js";
import { type Missing, readServiceSettings, type ServiceSettings } from "../config/serviceSettings.js";
import { loadSchemas } from "./loadSchemas.js";
import type { SchemaRegistry } from "./schemaRegistry.js";

/** What a service that handles messages reads. */
export interface TypedSettings extends ServiceSettings {
  /** The types of HALLEY_SCHEMAS. */
  readonly registry: SchemaRegistry;
}

/**
 * Reads the environment, halley.yaml and the schemas for one service. A namespace that names a type which the schemas don't
 * have is a problem. Throws ConfigError with every problem at once.
 */
export async function readTypedSettings(env: Readonly<Record<string, string | undefined>>, missing: Missing): Promise<TypedSettings> {
  const problems: string[] = [];
  const registry = await loadSchemas(env["HALLEY_SCHEMAS"] || undefined).catch((error: unknown) => { keepProblems(error, problems); });
  try {
    const settings = readServiceSettings(env, missing, registry ?? undefined);
    if (registry) return { ...settings, registry };
  } catch (error) {
    keepProblems(error, problems);
  }
  throw new ConfigError(problems);
}
