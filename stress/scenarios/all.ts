import type { Scenario } from "../scenario.js";
import { browserScenarios } from "./browser.js";
import { chaosScenarios } from "./chaos.js";
import { clusterScenarios } from "./cluster.js";
import { clusterHistoryScenarios } from "./clusterHistory.js";
import { connectionScenarios } from "./connections.js";
import { connectorScenarios } from "./connectors.js";
import { electionScenarios } from "./elections.js";
import { ephemeralScenarios } from "./ephemeral.js";
import { expiryScenarios } from "./expiry.js";
import { historyScenarios } from "./history.js";
import { leakScenarios } from "./leaks.js";
import { manyScenarios } from "./many.js";
import { memoryScenarios } from "./memory.js";
import { natsScenarios } from "./nats.js";
import { natsAnswerScenarios } from "./natsAnswers.js";
import { natsLinkScenarios } from "./natsLink.js";
import { networkScenarios } from "./network.js";
import { newestServerScenarios } from "./newestServer.js";
import { presenceScenarios } from "./presence.js";
import { presenceConnectorScenarios } from "./presenceConnectors.js";
import { presenceNatsScenarios } from "./presenceNats.js";
import { presenceReplicaScenarios } from "./presenceReplicas.js";
import { publishingScenarios } from "./publishing.js";
import { sessionScenarios } from "./sessions.js";
import { slowScenarios } from "./slow.js";
import { stormScenarios } from "./storm.js";

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...connectionScenarios,
  ...expiryScenarios,
  ...networkScenarios,
  ...browserScenarios,
  ...ephemeralScenarios,
  ...connectorScenarios,
  ...slowScenarios,
  ...manyScenarios,
  ...leakScenarios,
  ...memoryScenarios,
  ...stormScenarios,
  ...publishingScenarios,
  ...sessionScenarios,
  ...natsScenarios,
  ...natsLinkScenarios,
  ...historyScenarios,
  ...natsAnswerScenarios,
  ...newestServerScenarios,
  ...clusterScenarios,
  ...clusterHistoryScenarios,
  ...electionScenarios,
  ...presenceScenarios,
  ...presenceConnectorScenarios,
  ...presenceReplicaScenarios,
  ...presenceNatsScenarios,
  ...chaosScenarios,
];
