import { systemClock } from "../../lib/clock.js";
import { exitWithProblems, runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readConnectorConfig } from "./config.js";
import { startConnector } from "./start.js";

await runUntilSignal(async () => {
  const config = readConnectorConfig(process.env);
  const running = await startConnector(config, { log: createLog("connector", config.logLevel), clock: systemClock });
  // Not ready yet is no failure; never to become ready is.
  running.ready.catch(exitWithProblems);
  return running;
});
