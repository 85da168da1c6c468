import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import { linuxLimits, type MachineNeeds } from "../../lib/machine/linuxLimits.js";
import { Metrics } from "../../lib/ops/metrics.js";
import { OpsServer } from "../../lib/ops/opsServer.js";
import { Readiness } from "../../lib/ops/readiness.js";
import type { ConnectorConfig } from "./config.js";
import { Engine } from "./engine.js";
import { DevTokens } from "./http/devTokens.js";
import { BACKLOG, EdgeServer, UNDECIDED_CONNECTIONS } from "./http/edgeServer.js";
import { Origins } from "./http/origins.js";
import type { Limits } from "./limits.js";
import { type StaticFile, StaticFiles } from "./http/staticFiles.js";

/** A connector whose ports are bound. */
export interface RunningConnector extends Running {
  /** WebSocket, long-poll, SDK. */
  readonly port: number;
  readonly opsPort: number;
  /** Resolves when clients may connect; rejects when that can never be. */
  readonly ready: Promise<void>;
}

/** Starts a connector. Resolves when its ports are bound; throws one sentence when they can't be. */
export async function startConnector(config: ConnectorConfig, { log, clock }: { log: Log; clock: Clock }): Promise<RunningConnector> {
  const metrics = new Metrics("connector");
  const readiness = new Readiness();
  const parts = new StartedParts();
  const engine = new Engine({ config, log, clock, metrics });
  if (!config.demo) for (const sentence of linuxLimits(needsOf(config.limits))) log.warn({}, sentence);
  readiness.add("nats", () => engine.fault);
  const edge = createEdge(config, engine, { log, clock });
  const { host, port, opsPort } = config;
  try {
    const ops = await OpsServer.start({ host, port: opsPort, portSetting: "HALLEY_CONNECTOR_OPS_PORT", metrics, readiness, log });
    parts.add(ops, () => ops.stop());
    const boundPort = await edge.listen(host, port);
    parts.add(edge, () => { edge.stop(); });
    parts.add(engine, () => engine.stop());
    log.info({ port: boundPort, opsPort: ops.port }, "connector listens");
    const ready = engine.start().then(() => { log.info({}, "connector is ready"); });
    // Whoever awaits it is told; nobody has to.
    ready.catch((error: unknown) => { if (!engine.stopping) log.error({ err: error }, "the connector can't become ready"); });
    const stop = (): Promise<void> => {
      readiness.drain();
      edge.close();
      return parts.stop();
    };
    return { port: boundPort, opsPort: ops.port, ready, stop };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/** Beside connections a process has files of its own open: NATS, the ops port, what it has loaded. */
const OWN_DESCRIPTORS = 100;

function needsOf({ connections }: Limits): MachineNeeds {
  return { connections, descriptors: connections + UNDECIDED_CONNECTIONS + OWN_DESCRIPTORS, backlog: BACKLOG };
}

function createEdge(config: ConnectorConfig, engine: Engine, { log, clock }: { log: Log; clock: Clock }): EdgeServer {
  return new EdgeServer({
    limits: config.limits,
    origins: new Origins(config.allowedOrigins),
    files: new StaticFiles(config.demo ? [...SDK_FILES, ...DEMO_FILES] : SDK_FILES),
    devTokens: config.demo && new DevTokens(config.jwtSecret, clock),
    devSettings: config.demo,
    upgrade: (request, socket, head) => { engine.core().webSockets.upgrade(request, socket, head); },
    poll: (body, client) => engine.core().polls.answer(body, client),
    connections: () => engine.connections,
    closedBecause: () => engine.closedBecause,
    explain: (thrown) => {
      const faultId = randomUUID();
      if (!(thrown instanceof RpcError)) log.error({ err: thrown, faultId }, "a fault while answering a request");
      return RpcError.from(thrown, faultId);
    },
  });
}

const SCRIPT = "text/javascript; charset=utf-8";

const SDK_FILES: readonly StaticFile[] = [
  { path: "/halley.js", file: fileOf("../../client/dist/halley.js"), contentType: SCRIPT },
  { path: "/halley.js.map", file: fileOf("../../client/dist/halley.js.map"), contentType: "application/json" },
  { path: "/halley.mjs", file: fileOf("../../client/dist/halley.mjs"), contentType: SCRIPT },
  { path: "/halley.mjs.map", file: fileOf("../../client/dist/halley.mjs.map"), contentType: "application/json" },
];

const DEMO_FILES: readonly StaticFile[] = [
  { path: "/", file: fileOf("demo/index.html"), contentType: "text/html; charset=utf-8" },
  { path: "/demo.css", file: fileOf("demo/demo.css"), contentType: "text/css; charset=utf-8" },
  { path: "/favicon.svg", file: fileOf("demo/favicon.svg"), contentType: "image/svg+xml" },
  ...["demo.js", "demo-chat.js", "demo-memory.js", "demo-panels.js"].map((name) => ({ path: `/${name}`, file: fileOf(`demo/${name}`), contentType: SCRIPT })),
];

function fileOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
