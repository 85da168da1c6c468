import type { Metrics } from "../../lib/ops/metrics.js";

/** What a connector's gauges read. */
interface Sources {
  readonly webSockets: () => number;
  readonly polls: () => number;
  readonly sessions: () => number;
  readonly channels: () => number;
  readonly ringBytes: () => number;
}

/** What a connector counts as it goes. */
export interface ConnectorCounters {
  /** Messages taken from NATS. */
  readonly message: () => void;
  /** Publications queued for a client. */
  readonly delivery: () => void;
  /** A hole was filled with so many messages. */
  readonly repaired: (messages: number) => void;
  /** A message was not what it said. */
  readonly dead: (namespace: string) => void;
}

/** Registers a connector's metrics. */
export function createConnectorMetrics(metrics: Metrics, sources: Sources): ConnectorCounters {
  const messages = metrics.counter({ name: "connector_messages_total", help: "Messages taken from NATS." });
  const deliveries = metrics.counter({ name: "connector_deliveries_total", help: "Publications queued for clients." });
  const repairs = metrics.counter({ name: "connector_gaps_repaired_total", help: "Holes in live channels that were filled from the history." });
  const repaired = metrics.counter({ name: "connector_messages_repaired_total", help: "Messages read to fill holes." });
  const dead = metrics.counter({ name: "connector_dead_letters_total", help: "Messages that were not what they said, by namespace.", labels: ["namespace"] });
  metrics.gauge({ name: "connector_websockets", help: "Open WebSockets." }, sources.webSockets);
  metrics.gauge({ name: "connector_polls", help: "Polls being answered." }, sources.polls);
  metrics.gauge({ name: "connector_sessions", help: "Sessions that are here." }, sources.sessions);
  metrics.gauge({ name: "connector_channels", help: "Channels with interest." }, sources.channels);
  metrics.gauge({ name: "connector_ring_bytes", help: "Memory of recent publications, in bytes." }, sources.ringBytes);
  return {
    message: () => { messages.inc(); },
    delivery: () => { deliveries.inc(); },
    repaired: (count) => {
      repairs.inc();
      repaired.inc(count);
    },
    dead: (namespace) => { dead.inc({ namespace }); },
  };
}
