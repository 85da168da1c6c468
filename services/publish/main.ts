import { systemClock } from "../../lib/clock.js";
import { exitWithProblems, runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readPublishConfig } from "./config.js";
import { startPublish } from "./start.js";

await runUntilSignal(async () => {
  const config = readPublishConfig(process.env);
  const running = await startPublish(config, { log: createLog("publish", config.logLevel), clock: systemClock });
  // Not ready yet is no failure; never to become ready is.
  running.ready.catch(exitWithProblems);
  return running;
});
