import { systemClock } from "../../lib/clock.js";
import { runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readPublishConfig } from "./config.js";
import { startPublish } from "./start.js";

await runUntilSignal(async () => {
  const config = await readPublishConfig(process.env);
  return startPublish(config, { log: createLog("publish", config.logLevel), clock: systemClock });
});
