import type { Namespaces } from "../../lib/config/namespaces.js";
import { missingApiKeys, readServiceSettings } from "../../lib/config/serviceSettings.js";

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
  const { settings, namespaces, natsUrls } = readServiceSettings(env, missingApiKeys);
  return Object.freeze({
    host: settings.HALLEY_HOST ?? "0.0.0.0",
    port: settings.HALLEY_PRESENCE_PORT,
    opsPort: settings.HALLEY_PRESENCE_OPS_PORT,
    natsUrls,
    namespaces,
    apiKeys: settings.HALLEY_API_KEYS,
    logLevel: settings.HALLEY_LOG_LEVEL,
    roundMs: ROUND_MS,
    leaseMs: LEASE_MS,
  });
}
