import type { Scenario } from "../scenario.js";
import { clusterScenarios } from "./cluster.js";
import { connectionScenarios } from "./connections.js";
import { connectorScenarios } from "./connectors.js";
import { natsScenarios } from "./nats.js";

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [...connectionScenarios, ...connectorScenarios, ...natsScenarios, ...clusterScenarios];
