import { ConfigError, keepProblems } from "./configError.js";
import { type KnownTypes, loadNamespaces, type Namespaces } from "./namespaces.js";
import { readSettings, type Settings } from "./settings.js";

/** What every service reads, and what it adds to the problems. */
export interface ServiceSettings {
  readonly settings: Settings;
  readonly namespaces: Namespaces;
  /** The servers of HALLEY_NATS_URL, or the one on this machine. */
  readonly natsUrls: readonly string[];
}

/** Says, a sentence each, what a service can't do without. */
export type Missing = (settings: Settings) => readonly string[];

/**
 * Reads the environment and halley.yaml for one service. With `known`, namespaces may name registered messages only.
 * Throws ConfigError with every problem at once.
 */
export function readServiceSettings(env: Readonly<Record<string, string | undefined>>, missing: Missing, known?: KnownTypes): ServiceSettings {
  const problems: string[] = [];
  const settings = collect(() => readSettings(env), problems);
  const namespaces = collect(() => loadNamespaces(env["HALLEY_CONFIG"] || undefined, known), problems);
  if (settings) problems.push(...missing(settings));
  if (problems.length > 0 || !settings || !namespaces) throw new ConfigError(problems);
  const natsUrls = settings.HALLEY_NATS_URL.length > 0 ? settings.HALLEY_NATS_URL : ["nats://127.0.0.1:4222"];
  return { settings, namespaces, natsUrls };
}

/** What every service is told. */
export interface ServiceConfig {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly natsUrls: readonly string[];
  readonly namespaces: Namespaces;
  readonly logLevel: string;
}

/** The part of a service's configuration that is alike in all of them. */
export function serviceConfig(service: "CONNECTOR" | "PUBLISH" | "PRESENCE", { settings, namespaces, natsUrls }: ServiceSettings): ServiceConfig {
  return {
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings[`HALLEY_${service}_PORT`],
    opsPort: settings[`HALLEY_${service}_OPS_PORT`],
    natsUrls,
    namespaces,
    logLevel: settings.HALLEY_LOG_LEVEL,
  };
}

/** The problem of a service that takes API keys and was given none. */
export function missingApiKeys({ HALLEY_API_KEYS: keys }: Settings): string[] {
  if (keys.length > 0) return [];
  return ["HALLEY_API_KEYS is missing: set it to one or more keys, comma-separated, that backends send as 'authorization: Bearer <key>'"];
}

function collect<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    keepProblems(error, problems);
    return undefined;
  }
}
