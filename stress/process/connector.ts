// A connector whose limits the environment can change (STRESS_LIMITS, as JSON), so that scenarios reach them. SIGHUP: what it
// keeps for a while for those who may come back, it keeps no more.
import { runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readConnectorConfig } from "../../services/connector/config.js";
import type { Limits } from "../../services/connector/limits.js";
import { startConnector } from "../../services/connector/start.js";
import { HasteningClock } from "./hasteningClock.js";

await runUntilSignal(async () => {
  const config = await readConnectorConfig(process.env);
  const changed = JSON.parse(process.env["STRESS_LIMITS"] ?? "{}") as Partial<Limits>;
  const limits = { ...config.limits, ...changed };
  const clock = new HasteningClock([limits.lingerMs, limits.pollGraceMs]);
  process.on("SIGHUP", () => { clock.hasten(); });
  return startConnector({ ...config, limits }, { log: createLog("connector", config.logLevel), clock });
});
