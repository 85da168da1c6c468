import type { Scenario } from "../scenario.js";
import { historyScenarios } from "./history.js";
import { natsScenarios } from "./nats.js";
import { natsLinkScenarios } from "./natsLink.js";

/** What happens to one nats-server, on the newest: it keeps its streams, its order and its ids in other ways than 2.9. */
export const newestServerScenarios: readonly Scenario[] = [...natsScenarios, ...natsLinkScenarios, ...historyScenarios].map((scenario) => ({
  ...scenario,
  name: `newest server: ${scenario.name}`,
  fault: `${scenario.fault} (newest server)`,
  isShort: false,
  world: { ...scenario.world, server: "newest" },
}));
