import { readSettings, type Settings } from "../lib/config/settings.js";
import { devEnvironment } from "./dev/devFolder.js";
import { DEVELOPMENT_VALUES } from "./dev/developmentValues.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings of a command that talks to services: the environment, then what the `halley dev` of this folder runs with,
 * then the development values. Throws ConfigError.
 */
export function clientSettings(env: Environment): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const { HALLEY_DATA: folder } = readSettings(given);
  return readSettings({ ...DEVELOPMENT_VALUES, ...devEnvironment(folder), ...given });
}
