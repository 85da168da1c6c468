import type { Scenario } from "../scenario.js";
import { connectionScenarios } from "./connections.js";
import { historyScenarios } from "./history.js";

/** What doesn't lean on one server's files. */
const FAULTS = ["stream made again", "restored", "tombstone", "limit raised", "history too short", "long absence"];

/** What happens to a history, where three servers keep it, and its leader is another one's. */
export const clusterHistoryScenarios: readonly Scenario[] = [...historyScenarios, ...connectionScenarios].filter(({ fault, history }) => FAULTS.includes(fault) || history === "inbox").map((scenario) => ({
  ...scenario,
  name: `cluster: ${scenario.name}`,
  fault: `${scenario.fault} (cluster)`,
  isShort: false,
  world: { ...scenario.world, nats: "cluster" },
}));
