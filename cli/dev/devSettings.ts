import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSettings, type Settings } from "../../lib/config/settings.js";
import { DEVELOPMENT_VALUES } from "./developmentValues.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Development is for this machine, and tells of what goes wrong only. */
const DEV_DEFAULTS = { ...DEVELOPMENT_VALUES, HALLEY_HOST: "127.0.0.1", HALLEY_ALLOWED_ORIGINS: "loopback", HALLEY_LOG_LEVEL: "warn" };

/** Schemas to try: those of the clone. */
const SAMPLE_SCHEMAS = fileURLToPath(new URL("../../examples/schemas", import.meta.url));

/** The environment with the defaults of `halley dev`, and its settings. Throws ConfigError. */
export function devSettings(env: Environment): { readonly env: Environment; readonly settings: Settings } {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const withDefaults = { ...DEV_DEFAULTS, ...(existsSync(SAMPLE_SCHEMAS) && { HALLEY_SCHEMAS: SAMPLE_SCHEMAS }), ...given };
  return { env: withDefaults, settings: readSettings(withDefaults) };
}
