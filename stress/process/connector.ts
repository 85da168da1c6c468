// A connector whose limits the environment can change (STRESS_LIMITS, as JSON), so that scenarios reach them.
import { systemClock } from "../../lib/clock.js";
import { runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readConnectorConfig } from "../../services/connector/config.js";
import type { Limits } from "../../services/connector/limits.js";
import { startConnector } from "../../services/connector/start.js";

await runUntilSignal(async () => {
  const config = await readConnectorConfig(process.env);
  const changed = JSON.parse(process.env["STRESS_LIMITS"] ?? "{}") as Partial<Limits>;
  return startConnector({ ...config, limits: { ...config.limits, ...changed } }, { log: createLog("connector", config.logLevel), clock: systemClock });
});
