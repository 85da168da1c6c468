import { DEFAULT_DATA_FOLDER, type Settings } from "../../lib/config/settings.js";
import type { DemoSettings } from "../../services/connector/config.js";
import { DEVELOPMENT_VALUES } from "./developmentValues.js";

/** What the demo page may tell everybody who opens it of a `halley dev`: a key or a password of one's own is left out. */
export function demoSettings(settings: Settings, { publishPort, natsUrl }: { readonly publishPort: number; readonly natsUrl: string }): DemoSettings {
  const { HALLEY_DATA: dataFolder, HALLEY_API_KEYS: keys } = settings;
  const known = keys.find((key) => key === DEVELOPMENT_VALUES.HALLEY_API_KEYS);
  return {
    publishPort,
    natsUrl: withoutCredentials(natsUrl),
    ...(dataFolder !== DEFAULT_DATA_FOLDER && { dataFolder }),
    ...(known !== undefined && { apiKey: known }),
  };
}

function withoutCredentials(urls: string): string {
  const [first = ""] = urls.split(",");
  return first.replace(/^([a-z]+:\/\/)?[^@/]*@/i, "$1");
}
