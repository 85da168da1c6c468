import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readTypedSettings, type TypedSettings } from "../../lib/schema/typedSettings.js";
import { DEVELOPMENT_VALUES } from "./developmentValues.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Development is for this machine, and tells of what goes wrong only. */
const DEV_DEFAULTS = { ...DEVELOPMENT_VALUES, HALLEY_HOST: "127.0.0.1", HALLEY_ALLOWED_ORIGINS: "loopback", HALLEY_LOG_LEVEL: "warn" };

/** Schemas to try: those of the clone. */
const SAMPLE_SCHEMAS = fileURLToPath(new URL("../../examples/schemas", import.meta.url));

/** The environment with the defaults of `halley dev`, and what it says. Throws ConfigError with every problem at once. */
export async function devSettings(env: Environment): Promise<TypedSettings & { readonly env: Environment }> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const withDefaults = { ...DEV_DEFAULTS, ...(existsSync(SAMPLE_SCHEMAS) && { HALLEY_SCHEMAS: SAMPLE_SCHEMAS }), ...given };
  return { env: withDefaults, ...(await readTypedSettings(withDefaults, () => [])) };
}
