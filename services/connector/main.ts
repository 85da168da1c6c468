import { systemClock } from "../../lib/clock.js";
import { runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readConnectorConfig } from "./config.js";
import { startConnector } from "./start.js";

await runUntilSignal(async () => {
  const config = await readConnectorConfig(process.env);
  return startConnector(config, { log: createLog("connector", config.logLevel), clock: systemClock });
});
