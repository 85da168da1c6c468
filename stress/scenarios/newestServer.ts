import type { Scenario } from "../scenario.js";
import { connectionScenarios } from "./connections.js";
import { expiryScenarios } from "./expiry.js";
import { historyScenarios } from "./history.js";
import { natsScenarios } from "./nats.js";
import { natsLinkScenarios } from "./natsLink.js";

/** Long absences, and histories whose limits remove what clients come back to. */
const absences = [...connectionScenarios, ...expiryScenarios].filter(({ history, fault }) => history === "short" || fault === "long absence");

/**
 * What happens to one nats-server, on the newest: it keeps its streams, its order and its ids in other ways than 2.9. Histories
 * are read in another way too, and proven by it.
 */
export const newestServerScenarios: readonly Scenario[] = [...natsScenarios, ...natsLinkScenarios, ...historyScenarios, ...absences].map((scenario) => ({
  ...scenario,
  name: `newest server: ${scenario.name}`,
  fault: `${scenario.fault} (newest server)`,
  isShort: false,
  world: { ...scenario.world, server: "newest" },
}));
