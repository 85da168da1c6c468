import { Argument, Command } from "commander";
import { readSettings } from "../../lib/config/settings.js";
import { runUntilSignal } from "../../lib/lifecycle.js";
import { devEnvironment } from "../dev/devFolder.js";
import { remark } from "../output.js";
import { SERVICES, type ServiceName } from "../services.js";

/** What a service that is started beside a running `halley dev` takes over from it. Never secrets: those it is given. */
const SHARED = ["HALLEY_HOST", "HALLEY_NATS_URL", "HALLEY_CONFIG", "HALLEY_SCHEMAS", "HALLEY_ALLOWED_ORIGINS"];

/** `halley serve`. */
export function serveCommand(): Command {
  return new Command("serve")
    .summary("run one service")
    .description("Runs one service in this process until SIGTERM or SIGINT, then drains it. Beside a running halley dev, settings that are not given (NATS, halley.yaml, schemas, origins, host) are that one's.")
    .addArgument(new Argument("<service>", "which one").choices(Object.keys(SERVICES)))
    .addHelpText(
      "after",
      `
Examples:
  HALLEY_API_KEYS=… HALLEY_NATS_URL=nats://nats-1:4222 HALLEY_CONFIG=halley.yaml halley serve publish
  HALLEY_JWT_SECRET=… HALLEY_CONNECTOR_PORT=8090 HALLEY_CONNECTOR_OPS_PORT=9112 halley serve connector`,
    )
    .action((service: ServiceName) => runUntilSignal(() => serve(service)));
}

function serve(service: ServiceName): ReturnType<(typeof SERVICES)[ServiceName]> {
  // Only this one: what is wrong with the others the service says, all of it at once.
  const { HALLEY_DATA: folder } = readSettings({ HALLEY_DATA: process.env["HALLEY_DATA"] });
  const dev = devEnvironment(folder);
  const isBeside = process.env["HALLEY_NATS_URL"] === undefined && "HALLEY_NATS_URL" in dev;
  if (!isBeside) return SERVICES[service](process.env);
  remark(`halley: joins the halley dev of ${folder}`);
  const env = { ...Object.fromEntries(SHARED.flatMap((name) => (name in dev ? [[name, dev[name]]] : []))), ...process.env };
  return SERVICES[service](env, { systemOpen: true });
}
