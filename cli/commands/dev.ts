import { Command } from "commander";
import { DEFAULT_DATA_FOLDER } from "../../lib/config/settings.js";
import { exitWithProblems, runUntilSignal } from "../../lib/lifecycle.js";
import { isLoopback } from "../dev/developmentValues.js";
import { type RunningDev, startDev } from "../dev/startDev.js";
import { onUnread, print, printTable, remark } from "../output.js";

/** `halley dev`. */
export function devCommand(): Command {
  return new Command("dev")
    .summary("run everything on this machine")
    .description(
      "Starts a private nats-server (or uses the NATS of HALLEY_NATS_URL) and all services in this process, with development secrets and the demo page. Streams stay in HALLEY_DATA (.halley). Ctrl-C ends it.",
    )
    .addHelpText("after", "\nExamples:\n  halley dev\n  HALLEY_CONNECTOR_PORT=8090 halley dev\n  HALLEY_NATS_URL=nats://127.0.0.1:4222 halley dev")
    .action(() => {
      // Whoever reads only the addresses wants it to run on.
      onUnread(() => undefined);
      return runUntilSignal(async (signal) => {
        const dev = await startDev({ env: process.env, signal, onRemark: (sentence) => { remark(`halley: ${sentence}`); }, onFailed: exitWithProblems });
        announce(dev);
        return dev;
      });
    });
}

function announce({ settings, services, nats }: RunningDev): void {
  const host = settings.HALLEY_HOST ?? "127.0.0.1";
  const at = (port: number): string => `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
  print("Halley is ready. Ctrl-C ends it.\n");
  printTable([
    ["  demo", `http://${at(services.connector.port)}/`],
    ["  WebSocket", `ws://${at(services.connector.port)}/v1/websocket`],
    ["  long-poll", `http://${at(services.connector.port)}/v1/poll`],
    ["  publish", `${at(services.publish.port)}  (gRPC)`],
    ["  presence", `${at(services.presence.port)}  (gRPC)`],
    ["  NATS", nats.version === undefined ? nats.url : `${nats.url}  (nats-server ${nats.version}, streams in ${settings.HALLEY_DATA})`],
    ["  metrics", Object.values(services).map(({ opsPort }) => `http://${at(opsPort)}/metrics`).join("  ")],
    ["  API key", settings.HALLEY_API_KEYS.join(",")],
    ["  JWT secret", settings.HALLEY_JWT_SECRET ?? ""],
  ]);
  print(`\nOpen the demo in two windows, then try:  ${prefixOf(settings.HALLEY_DATA)}npx halley publish chat.lobby '{"text":"hello"}'`);
  if (!isLoopback(host)) remark(`halley: ${host} may be reached from other machines: halley dev signs anyone in, so use it on trusted networks only`);
}

/** So that the other commands find this one where its folder is not the default. */
function prefixOf(folder: string): string {
  if (folder === DEFAULT_DATA_FOLDER) return "";
  return `HALLEY_DATA=${/^[\w@.:/-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", String.raw`'\''`)}'`} `;
}
