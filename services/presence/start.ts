import type { Clock } from "../../lib/clock.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import { LATENCY_BUCKETS_S, Metrics } from "../../lib/ops/metrics.js";
import { OpsServer } from "../../lib/ops/opsServer.js";
import { Readiness } from "../../lib/ops/readiness.js";
import { type CallEnd, RpcServer } from "../../lib/rpc/rpcServer.js";
import type { PresenceConfig } from "./config.js";
import { Engine, STOPPING } from "./engine.js";
import { presenceService } from "./service.js";
import { Watchers } from "./watchers.js";

/** How long calls may go on after stop was asked for: they wait for nothing but a read of last-seen times. */
const GRACE_MS = 3_000;

/** A presence replica whose ports are bound. */
export interface RunningPresence extends Running {
  /** Of gRPC. */
  readonly port: number;
  readonly opsPort: number;
  /** Resolves when it can answer; rejects when that can never be. */
  readonly ready: Promise<void>;
}

/** Starts a presence replica. Resolves when its ports are bound; throws one sentence when they can't be. */
export async function startPresence(config: PresenceConfig, { log, clock }: { log: Log; clock: Clock }): Promise<RunningPresence> {
  const metrics = new Metrics("presence");
  const readiness = new Readiness();
  const parts = new StartedParts();
  const watchers = new Watchers();
  let rpc: RpcServer | undefined;
  const updateHealth = (): void => rpc?.setServing(readiness.reasons().length === 0);
  const engine = new Engine({ config, log, clock, watchers, onChange: updateHealth });
  readiness.add("roster", () => engine.fault);
  const onCallEnd = addMetrics(metrics, engine, watchers);
  const service = presenceService({ known: () => engine.known(), watchers, namespaces: config.namespaces, clock });

  const { host, port, opsPort, apiKeys } = config;
  try {
    const ops = await OpsServer.start({ host, port: opsPort, portSetting: "HALLEY_PRESENCE_OPS_PORT", metrics, readiness, log });
    parts.add(ops, () => ops.stop());
    parts.add(engine, () => engine.stop());
    rpc = await RpcServer.start({ host, port, portSetting: "HALLEY_PRESENCE_PORT", services: [service], apiKeys, log, clock, onCallEnd });
    parts.add(rpc, (server) => server.stop(GRACE_MS));
    log.info({ port: rpc.port, opsPort: ops.port }, "presence listens");
    const ready = engine.start().then(() => { log.info({}, "presence is ready"); });
    // Whoever awaits it is told; nobody has to.
    ready.catch((error: unknown) => {
      if (error !== STOPPING) log.error({ err: error }, "presence can't become ready");
    });
    const stop = (): Promise<void> => {
      readiness.drain();
      return parts.stop();
    };
    return { port: rpc.port, opsPort: ops.port, ready, stop };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

function addMetrics(metrics: Metrics, engine: Engine, watchers: Watchers): (end: CallEnd) => void {
  const calls = metrics.histogram({ name: "rpc_seconds", help: "Duration of gRPC calls.", labels: ["method", "code"] }, LATENCY_BUCKETS_S);
  const gauge = (name: string, help: string, measure: Parameters<Engine["read"]>[0]): void => {
    metrics.gauge({ name, help }, () => engine.read(measure));
  };
  gauge("presence_online_users", "Users with at least one session.", ({ roster }) => roster.stats().onlineUsers);
  gauge("presence_websocket_sessions", "Sessions over WebSocket.", ({ roster }) => roster.stats().websocketSessions);
  gauge("presence_poll_sessions", "Sessions over long-poll.", ({ roster }) => roster.stats().pollSessions);
  gauge("presence_connectors", "Connectors with a lease.", ({ roster }) => roster.connectors().length);
  gauge("presence_refused", "Sessions and connectors that were not taken, because of a limit.", ({ roster }) => roster.refused);
  gauge("presence_last_seen_dropped", "Last-seen times that were forgotten unwritten, because of a limit.", ({ lastSeen }) => lastSeen.dropped);
  gauge("presence_last_seen_failures", "Tries to write a last-seen time that failed; each is tried again.", ({ lastSeen }) => lastSeen.failures);
  metrics.gauge({ name: "presence_watchers", help: "Open watch streams." }, () => watchers.size);
  metrics.gauge({ name: "presence_ready", help: "1 while answers are whole." }, () => (engine.fault === undefined ? 1 : 0));
  return ({ path, code, durationMs }) => { calls.observe({ method: path, code: String(code) }, durationMs / 1_000); };
}
