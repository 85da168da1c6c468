import { Command } from "commander";
import type { Namespace, Namespaces } from "../../lib/config/namespaces.js";
import { type Settings, SETTINGS } from "../../lib/config/settings.js";
import type { SchemaRegistry } from "../../lib/schema/schemaRegistry.js";
import { readTypedSettings } from "../../lib/schema/typedSettings.js";
import { action, print, printTable } from "../output.js";

const SECRETS = new Set<string>(["HALLEY_JWT_SECRET", "HALLEY_API_KEYS"]);

/** `halley check-config`. */
export function checkConfigCommand(): Command {
  return new Command("check-config")
    .summary("check the environment, halley.yaml and the schemas")
    .description("Reads the environment, the halley.yaml of HALLEY_CONFIG and the types of HALLEY_SCHEMAS as the services would, and prints them without secrets. All problems are listed at once.")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExamples:\n  HALLEY_CONFIG=halley.yaml HALLEY_SCHEMAS=schemas halley check-config")
    .action(action(checkConfig));
}

async function checkConfig({ json }: { json?: true }): Promise<void> {
  const { settings, namespaces, registry } = await readTypedSettings(process.env, () => []);
  if (json) print(JSON.stringify({ settings: shown(settings), replicas: namespaces.replicas, namespaces: namespaces.all, types: registry.types }));
  else printAll(settings, namespaces, registry);
}

/** Settings as words; a secret only says whether it is set. */
function shown(settings: Settings): Record<string, string> {
  const words = Object.keys(SETTINGS).map((name) => {
    const value = settings[name as keyof Settings];
    const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
    return [name, SECRETS.has(name) && isSet ? "(set)" : isSet ? String(value) : "(not set)"] as const;
  });
  return Object.fromEntries(words);
}

function printAll(settings: Settings, namespaces: Namespaces, registry: SchemaRegistry): void {
  printTable(Object.entries(shown(settings)));
  print(`\nreplicas of each stream: ${String(namespaces.replicas)}\n`);
  printTable([["namespace", "history", "presence", "subscribe", "publish", "types"], ...namespaces.all.map(rowOf)]);
  print(`\n${String(registry.types.length)} types: ${registry.types.join(", ") || "none"}`);
}

function rowOf({ name, history, presence, subscribe, publish, types, untyped }: Namespace): string[] {
  const kept = history ? `${String(history.messages)} messages, ${String(history.ageMs / 1_000)} s, ${String(history.bytes / 2 ** 20)} MiB` : "none";
  const accepted = types?.join(", ") ?? "any registered";
  return [name, kept, presence ? "on" : "off", subscribe, publish, untyped ? `${accepted}, untyped JSON` : accepted];
}
