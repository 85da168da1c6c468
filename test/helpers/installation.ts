import { SignJWT } from "jose";
import { SYSTEM_NAMESPACE } from "../../lib/channel/channelName.js";
import { systemClock } from "../../lib/clock.js";
import { type Namespaces, parseNamespaces, withNamespaces } from "../../lib/config/namespaces.js";
import { type Log, silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import type { ConnectorConfig } from "../../services/connector/config.js";
import { DEFAULT_LIMITS, type Limits } from "../../services/connector/limits.js";
import { type RunningConnector, startConnector } from "../../services/connector/start.js";
import { type RunningPresence, startPresence } from "../../services/presence/start.js";
import { type RunningPublish, startPublish } from "../../services/publish/start.js";
import { type NatsServer, startNatsServer } from "./natsServer.js";

/** The secret of every test installation. */
export const TEST_JWT_SECRET = "a secret for tests only, long enough for HS256";
/** The API key of every test installation. */
export const TEST_API_KEY = "key-of-the-tests";

/** The namespaces of every test installation. */
export const TEST_NAMESPACES = {
  namespaces: {
    chat: { history: { messages: 100_000, age: "1h", bytes: "256MiB" }, presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
    news: { history: { messages: 100_000, age: "1h", bytes: "256MiB" }, subscribe: "signed-in", untyped: true },
    short: { history: { messages: 5, age: "1h", bytes: "16MiB" }, subscribe: "signed-in", publish: "signed-in", untyped: true },
    typed: { history: { messages: 1_000, age: "1h", bytes: "16MiB" }, subscribe: "signed-in", publish: "signed-in", types: ["demo.v1.ChatMessage"] },
    live: { subscribe: "signed-in", publish: "signed-in", untyped: true },
    closed: { history: { messages: 1_000, age: "1h", bytes: "16MiB" }, untyped: true },
  },
};

/** The services, on a NATS that is there. */
export interface Services {
  readonly publish: RunningPublish;
  /** Only where asked for. */
  readonly presence: RunningPresence | undefined;
  readonly connectors: readonly RunningConnector[];
  /** Starts one more connector. */
  addConnector(changed?: Partial<ConnectorConfig>): Promise<RunningConnector>;
  /** Ends them. */
  stop(): Promise<void>;
}

/** The services on one real nats-server of their own; `stop` removes that, too. */
export interface Installation extends Services {
  readonly nats: NatsServer;
}

/** How an installation differs from the usual. */
export interface InstallationOptions {
  readonly connectors?: number;
  readonly namespaces?: object;
  readonly limits?: Partial<Limits>;
  readonly schemas?: string;
  /** Starts a presence service, too. It is ready within half a second, not within a heartbeat's round. */
  readonly presence?: boolean;
  /** Serves the demo page and lets `sys` be read, as `halley dev` does. */
  readonly demo?: boolean;
  readonly log?: Log;
  /** User and password of a service on NATS, `user:password`. */
  readonly natsUser?: (service: "publish" | "connector" | "presence") => string;
}

/** Starts an installation on free ports of loopback, ready to use. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const nats = await startNatsServer();
  const services = await startServices([nats.url], options);
  return {
    ...services,
    nats,
    async stop() {
      await services.stop();
      await nats.remove();
    },
  };
}

/** Starts the services on free ports of loopback, ready to use. */
export async function startServices(natsUrls: readonly string[], options: InstallationOptions = {}): Promise<Services> {
  const { log = silentLog, natsUser } = options;
  const urlsOf = (service: "publish" | "connector" | "presence"): string[] => natsUrls.map((url) => (natsUser ? url.replace("//", `//${natsUser(service)}@`) : url));
  const deps = { log, clock: systemClock };
  const namespaces = namespacesOf(options);
  const registry = await loadSchemas(options.schemas);
  const publish = await startPublish(
    { host: "127.0.0.1", port: 0, opsPort: 0, natsUrls: urlsOf("publish"), namespaces, apiKeys: [TEST_API_KEY], registry, logLevel: "silent" },
    deps,
  );
  await publish.ready;
  const presence = options.presence === true ? await startTestPresence(urlsOf("presence"), namespaces, log) : undefined;
  const connectors: RunningConnector[] = [];
  const addConnector = async (changed: Partial<ConnectorConfig> = {}): Promise<RunningConnector> => {
    const connector = await startConnector({ ...connectorConfig(urlsOf("connector"), { namespaces, registry }, options), ...changed }, deps);
    connectors.push(connector);
    await connector.ready;
    return connector;
  };
  for (let count = 0; count < (options.connectors ?? 1); count++) await addConnector();
  return {
    publish,
    presence,
    connectors,
    addConnector,
    async stop() {
      await Promise.all(connectors.map((connector) => connector.stop()));
      await presence?.stop();
      await publish.stop();
    },
  };
}

/** A token for a user, as a backend would make it; `expiresIn` as jose takes it ("1h", "-1m"). */
export function signToken(user: string, expiresIn = "1h", secret = TEST_JWT_SECRET): Promise<string> {
  return new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject(user).setExpirationTime(expiresIn).sign(new TextEncoder().encode(secret));
}

/** What the demo page shows of an installation. */
export const TEST_DEMO = { publishPort: 50_999, natsUrl: "nats://127.0.0.1:4999", dataFolder: "/var/lib/halley demo", apiKey: TEST_API_KEY };

function namespacesOf({ namespaces, demo }: InstallationOptions): Namespaces {
  const configured = parseNamespaces(namespaces ?? TEST_NAMESPACES, "test");
  const system = configured.byName(SYSTEM_NAMESPACE);
  return demo === true && system ? withNamespaces(configured, [{ ...system, subscribe: "signed-in" }]) : configured;
}

async function startTestPresence(natsUrls: readonly string[], namespaces: Namespaces, log: Log): Promise<RunningPresence> {
  const where = { host: "127.0.0.1", port: 0, opsPort: 0, natsUrls: [...natsUrls], namespaces, apiKeys: [TEST_API_KEY], logLevel: "silent" };
  const presence = await startPresence({ ...where, roundMs: 300, leaseMs: 12_000 }, { log, clock: systemClock });
  await presence.ready;
  return presence;
}

function connectorConfig(natsUrls: readonly string[], types: Pick<ConnectorConfig, "namespaces" | "registry">, { limits, demo = false }: InstallationOptions): ConnectorConfig {
  return {
    host: "127.0.0.1",
    port: 0,
    opsPort: 0,
    natsUrls: [...natsUrls],
    ...types,
    jwtSecret: TEST_JWT_SECRET,
    allowedOrigins: ["loopback"],
    demo: demo ? TEST_DEMO : undefined,
    limits: { ...DEFAULT_LIMITS, drainMs: 100, ...limits },
    logLevel: "silent",
  };
}
