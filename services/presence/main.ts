import { systemClock } from "../../lib/clock.js";
import { runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readPresenceConfig } from "./config.js";
import { startPresence } from "./start.js";

await runUntilSignal(() => {
  const config = readPresenceConfig(process.env);
  return startPresence(config, { log: createLog("presence", config.logLevel), clock: systemClock });
});
