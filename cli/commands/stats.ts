import { Command } from "commander";
import { readAddress } from "../arguments.js";
import type { DynamicMessage } from "../grpc.js";
import { action, print, printTable } from "../output.js";
import { type PresenceOptions, timeText, withPresence } from "../presenceClient.js";

interface Options extends PresenceOptions {
  readonly json?: true;
}

/** `halley stats`. */
export function statsCommand(): Command {
  return new Command("stats")
    .summary("show the statistics of the installation")
    .description("Shows users, sessions, channels and rates, in all and per connector.")
    .option("--address <host:port>", "the presence service (default: 127.0.0.1 and HALLEY_PRESENCE_PORT)", readAddress)
    .option("--api-key <key>", "default: the first of HALLEY_API_KEYS, or that of a running halley dev")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExamples:\n  halley stats\n  halley stats --json | jq .onlineUsers")
    .action(
      action((options: Options) =>
        withPresence(options, async (client) => {
          const stats = await client.call("getStats", {});
          if (options.json) print(JSON.stringify(withTexts(stats)));
          else printAll(stats);
        }),
      ),
    );
}

function printAll(stats: DynamicMessage): void {
  const byTransport = Object.entries(stats["sessionsByTransport"] as Readonly<Record<string, number>>);
  printTable([
    ["online users", String(stats["onlineUsers"])],
    ["sessions", [String(stats["sessions"]), ...byTransport.map(([transport, count]) => `${transport} ${String(count)}`)].join(", ")],
    ["channels", String(stats["channels"])],
    ["publications/s", rate(stats["publicationsPerSecond"])],
    ["deliveries/s", rate(stats["deliveriesPerSecond"])],
    ["as of", timeText(stats["asOf"])],
  ]);
  const connectors = stats["connectors"] as readonly DynamicMessage[];
  if (connectors.length === 0) return;
  print("");
  printTable([
    ["connector", "sessions", "channels", "publications/s", "deliveries/s", "since"],
    ...connectors.map((one) => [
      String(one["connector"]), String(one["sessions"]), String(one["channels"]), rate(one["publicationsPerSecond"]), rate(one["deliveriesPerSecond"]), timeText(one["startedAt"]),
    ]),
  ]);
}

function rate(value: unknown): string {
  return Number(value).toFixed(1);
}

function withTexts(stats: DynamicMessage): DynamicMessage {
  const connectors = (stats["connectors"] as readonly DynamicMessage[]).map((one) => ({ ...one, startedAt: timeText(one["startedAt"]), heardAt: timeText(one["heardAt"]) }));
  return { ...stats, connectors, asOf: timeText(stats["asOf"]) };
}
