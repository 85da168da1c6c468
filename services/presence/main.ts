import { systemClock } from "../../lib/clock.js";
import { exitWithProblems, runUntilSignal } from "../../lib/lifecycle.js";
import { createLog } from "../../lib/log.js";
import { readPresenceConfig } from "./config.js";
import { startPresence } from "./start.js";

await runUntilSignal(async () => {
  const config = readPresenceConfig(process.env);
  const running = await startPresence(config, { log: createLog("presence", config.logLevel), clock: systemClock });
  // Not ready yet is no failure; never to become ready is.
  running.ready.catch(exitWithProblems);
  return running;
});
