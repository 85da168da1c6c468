import { ConfigError } from "../../lib/config/configError.js";
import { loadNamespaces, type Namespaces } from "../../lib/config/namespaces.js";
import { readSettings } from "../../lib/config/settings.js";

/** Everything that a presence replica is told. */
export interface PresenceConfig {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly natsUrls: readonly string[];
  readonly namespaces: Namespaces;
  readonly apiKeys: readonly string[];
  readonly logLevel: string;
  /** How long a replica listens before it is ready, in milliseconds: a heartbeat's interval (5 s) and some. */
  readonly roundMs: number;
  /** A connector unheard for this long, in milliseconds, is lost: two heartbeats may be late. */
  readonly leaseMs: number;
}

const ROUND_MS = 5_500;
const LEASE_MS = 12_000;

/** Reads the environment and halley.yaml. Throws ConfigError with every problem at once. */
export function readPresenceConfig(env: Readonly<Record<string, string | undefined>>): PresenceConfig {
  const problems: string[] = [];
  const settings = collect(() => readSettings(env), problems);
  const namespaces = collect(() => loadNamespaces(settings?.HALLEY_CONFIG ?? (env["HALLEY_CONFIG"] || undefined)), problems);
  if (settings?.HALLEY_API_KEYS.length === 0) {
    problems.push("HALLEY_API_KEYS is missing: set it to one or more keys, comma-separated, that backends send as 'authorization: Bearer <key>'");
  }
  if (problems.length > 0 || !settings || !namespaces) throw new ConfigError(problems);
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_PRESENCE_PORT,
    opsPort: settings.HALLEY_PRESENCE_OPS_PORT,
    natsUrls: settings.HALLEY_NATS_URL.length > 0 ? settings.HALLEY_NATS_URL : ["nats://127.0.0.1:4222"],
    namespaces,
    apiKeys: settings.HALLEY_API_KEYS,
    logLevel: settings.HALLEY_LOG_LEVEL,
    roundMs: ROUND_MS,
    leaseMs: LEASE_MS,
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
