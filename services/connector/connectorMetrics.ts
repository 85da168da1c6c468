import type { Metrics } from "../../lib/ops/metrics.js";

/** What a connector's gauges read. */
interface Sources {
  readonly webSockets: () => number;
  readonly polls: () => number;
  readonly sessions: () => number;
  readonly channels: () => number;
  readonly ringBytes: () => number;
  readonly waitingQuestions: () => number;
  readonly encodedBytes: () => number;
  readonly queuedBytes: () => number;
}

/** What a connector counts as it goes. Plain numbers: some rise a million times a second. */
export class ConnectorTally {
  /** Messages taken from NATS. */
  messages = 0;
  /** Publications queued for clients: live, while they catch up, and inside answers. */
  deliveries = 0;
  /** Holes in live channels that were filled from the history, and the messages read for that. */
  gapsRepaired = 0;
  messagesRepaired = 0;
  /** Messages that were not what they said. */
  deadLetters = 0;
}

/** Registers a connector's metrics. */
export function registerConnectorMetrics(metrics: Metrics, tally: ConnectorTally, sources: Sources): void {
  metrics.total({ name: "connector_messages_total", help: "Messages taken from NATS." }, () => tally.messages);
  metrics.total({ name: "connector_deliveries_total", help: "Publications queued for clients." }, () => tally.deliveries);
  metrics.total({ name: "connector_gaps_repaired_total", help: "Holes in live channels that were filled from the history." }, () => tally.gapsRepaired);
  metrics.total({ name: "connector_messages_repaired_total", help: "Messages read to fill holes." }, () => tally.messagesRepaired);
  metrics.total({ name: "connector_dead_letters_total", help: "Messages that were not what they said." }, () => tally.deadLetters);
  metrics.gauge({ name: "connector_websockets", help: "Open WebSockets." }, sources.webSockets);
  metrics.gauge({ name: "connector_polls", help: "Polls being answered." }, sources.polls);
  metrics.gauge({ name: "connector_sessions", help: "Sessions that are here." }, sources.sessions);
  metrics.gauge({ name: "connector_channels", help: "Channels with interest." }, sources.channels);
  metrics.gauge({ name: "connector_ring_bytes", help: "Memory of recent publications, in bytes." }, sources.ringBytes);
  metrics.gauge({ name: "connector_encoded_bytes", help: "Memory of encoded publications that answers to polls share, in bytes." }, sources.encodedBytes);
  metrics.gauge({ name: "connector_waiting_questions", help: "Questions to JetStream that wait for room for their answers." }, sources.waitingQuestions);
  metrics.gauge({ name: "connector_queued_bytes", help: "What waits for the sockets of clients, in bytes; what is shared counts for each." }, sources.queuedBytes);
}
