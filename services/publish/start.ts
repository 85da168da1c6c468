import type { Clock } from "../../lib/clock.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import { LATENCY_BUCKETS_S, Metrics } from "../../lib/ops/metrics.js";
import { OpsServer } from "../../lib/ops/opsServer.js";
import { Readiness } from "../../lib/ops/readiness.js";
import { RpcServer } from "../../lib/rpc/rpcServer.js";
import type { PublishConfig } from "./config.js";
import { Engine } from "./engine.js";
import { type Outcome, PublishApi } from "./service.js";

/** How long calls may go on after stop was asked for: a publish waits 5 s at most. */
const GRACE_MS = 6_000;

/** A publish service whose ports are bound. */
export interface RunningPublish extends Running {
  /** Of gRPC. */
  readonly port: number;
  readonly opsPort: number;
  /** Resolves when it can publish; rejects when that can never be, or it was stopped before. */
  readonly ready: Promise<void>;
}

/** Starts the publish service. Resolves when its ports are bound; throws one sentence when they can't be. */
export async function startPublish(config: PublishConfig, { log, clock }: { log: Log; clock: Clock }): Promise<RunningPublish> {
  const metrics = new Metrics("publish");
  const readiness = new Readiness();
  const parts = new StartedParts();
  let rpc: RpcServer | undefined;
  const updateHealth = (): void => rpc?.setServing(readiness.reasons().length === 0);
  const engine = new Engine({ config, log, clock, onChange: updateHealth });
  readiness.add("nats", () => engine.fault);
  const counters = createCounters(metrics, engine);
  const { service } = new PublishApi({ rules: { namespaces: config.namespaces, registry: config.registry }, sender: () => engine.sender(), log, count: counters.message });

  const { host, port, opsPort, apiKeys } = config;
  try {
    const ops = await OpsServer.start({ host, port: opsPort, portSetting: "HALLEY_PUBLISH_OPS_PORT", metrics, readiness, log });
    parts.add(ops, () => ops.stop());
    parts.add(engine, () => engine.stop());
    rpc = await RpcServer.start({ host, port, portSetting: "HALLEY_PUBLISH_PORT", services: [service], apiKeys, log, clock, onCallEnd: counters.call });
    parts.add(rpc, (server) => server.stop(GRACE_MS));
    log.info({ port: rpc.port, opsPort: ops.port }, "publish listens");
    const ready = engine.start().then(() => { log.info({}, "publish is ready"); });
    // Whoever awaits it is told; nobody has to.
    ready.catch((error: unknown) => { if (!engine.stopping) log.error({ err: error }, "publish can't become ready"); });
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

function createCounters(metrics: Metrics, engine: Engine): { message: (outcome: Outcome) => void; call: NonNullable<Parameters<typeof RpcServer.start>[0]["onCallEnd"]> } {
  const messages = metrics.counter({ name: "publish_messages_total", help: "Messages by what became of them.", labels: ["outcome"] });
  const calls = metrics.histogram({ name: "rpc_seconds", help: "Duration of gRPC calls.", labels: ["method", "code"] }, LATENCY_BUCKETS_S);
  metrics.gauge({ name: "publish_unacknowledged", help: "Messages that JetStream has not acknowledged so far." }, () => engine.unacknowledged);
  metrics.gauge({ name: "publish_ready", help: "1 while messages can be published." }, () => (engine.fault === undefined ? 1 : 0));
  return {
    message: (outcome) => { messages.inc({ outcome }); },
    call: ({ path, code, durationMs }) => { calls.observe({ method: path, code: String(code) }, durationMs / 1_000); },
  };
}
