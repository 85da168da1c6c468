import type { Part } from "../part.js";
import { accept } from "./accept.js";
import { channels } from "./channels.js";
import { fanout } from "./fanout.js";
import { growthOfChannels } from "./growth/channels.js";
import { growthOfConnections } from "./growth/connections.js";
import { growthOfHistory } from "./growth/history.js";
import { growthOfInterest } from "./growth/interest.js";
import { growthOfUsers } from "./growth/users.js";
import { idle } from "./idle.js";
import { latency } from "./latency.js";
import { poll } from "./poll.js";
import { presence } from "./presence.js";
import { publish } from "./publish.js";
import { recovery } from "./recovery.js";

/** All parts, in the order in which they run. */
export const PARTS: readonly Part[] = [fanout, channels, idle, accept, publish, latency, poll, recovery, presence, growthOfConnections, growthOfChannels, growthOfHistory, growthOfUsers, growthOfInterest];
