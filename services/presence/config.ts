import { missingApiKeys, readServiceSettings, type ServiceConfig, serviceConfig } from "../../lib/config/serviceSettings.js";

/** Everything that a presence replica is told. */
export interface PresenceConfig extends ServiceConfig {
  readonly apiKeys: readonly string[];
  /** How long a replica listens before it is ready, in milliseconds: a heartbeat's interval (5 s) and some. */
  readonly roundMs: number;
  /** A connector unheard for this long, in milliseconds, is lost: two heartbeats may be late. */
  readonly leaseMs: number;
}

const ROUND_MS = 5_500;
const LEASE_MS = 12_000;

/** Reads the environment and halley.yaml. Throws ConfigError with every problem at once. */
export function readPresenceConfig(env: Readonly<Record<string, string | undefined>>): PresenceConfig {
  const read = readServiceSettings(env, missingApiKeys);
  const { settings } = read;
  return Object.freeze({
    ...serviceConfig("PRESENCE", read),
    apiKeys: settings.HALLEY_API_KEYS,
    roundMs: ROUND_MS,
    leaseMs: LEASE_MS,
  });
}
