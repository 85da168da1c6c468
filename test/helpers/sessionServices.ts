import { Bus } from "../../lib/bus/bus.js";
import { ensureStreams } from "../../lib/bus/ensureStreams.js";
import { Publisher } from "../../lib/bus/publisher.js";
import { type Clock, systemClock } from "../../lib/clock.js";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import { MessageInterpreter } from "../../services/connector/channel/messageInterpreter.js";
import { Hub } from "../../services/connector/hub.js";
import { DEFAULT_LIMITS, type Limits } from "../../services/connector/limits.js";
import { BrowserPublisher } from "../../services/connector/session/browserPublisher.js";
import { queryMembers } from "../../services/connector/session/memberQuery.js";
import { Permissions } from "../../services/connector/session/permissions.js";
import { Requests } from "../../services/connector/session/requests.js";
import type { SessionServices } from "../../services/connector/session/session.js";
import { SessionIds } from "../../services/connector/session/sessionId.js";
import { SessionRegistry } from "../../services/connector/session/sessionRegistry.js";
import { SubscriberCounts } from "../../services/connector/session/subscriberCounts.js";
import { TokenVerifier } from "../../services/connector/session/token.js";
import { Flusher } from "../../services/connector/transport/flusher.js";
import { TEST_JWT_SECRET, TEST_NAMESPACES } from "./installation.js";

/** What sessions share, on a real nats-server, with what presence is told of them written down. */
export interface TestServices {
  readonly services: SessionServices;
  readonly bus: Bus;
  /** "opened <key>", "closed <key> <grace>", "joined <channel>", "left <channel>", in order. */
  readonly presence: string[];
  /** How many sessions are subscribed, by channel. */
  readonly counts: Map<string, number>;
  stop(): Promise<void>;
}

/** How the services differ from the usual. */
export interface TestServicesOptions {
  readonly limits?: Partial<Limits>;
  readonly namespaces?: object;
  /** Of the sessions and the hub; the history's is the machine's. */
  readonly clock?: Clock;
  readonly connector?: string;
}

/** Makes the streams and follows them. The caller stops it. */
export async function startSessionServices(url: string, options: TestServicesOptions = {}): Promise<TestServices> {
  const { clock = systemClock, connector = "c1" } = options;
  const namespaces = parseNamespaces(options.namespaces ?? TEST_NAMESPACES, "test");
  const bus = await Bus.connect({ servers: [url], name: "test", log: silentLog });
  await ensureStreams({ bus, namespaces, log: silentLog, clock: systemClock, signal: new AbortController().signal });
  const registry = await loadSchemas(undefined);
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const interpreter = new MessageInterpreter({ bus, clock, log: silentLog, registry, onDead: () => undefined });
  const ignore = (): void => undefined;
  const hub = new Hub({ bus, clock: systemClock, log: silentLog, namespaces, interpreter, limits, incarnation: connector, onMessage: ignore, onRepaired: ignore, turnEnd: new Flusher(silentLog) });
  await hub.start();
  const permissions = new Permissions(namespaces);
  const tokens = new TokenVerifier(TEST_JWT_SECRET);
  const publisher = new Publisher(bus, systemClock);
  const browserPublisher = new BrowserPublisher({ bus, publisher, clock, registry, permissions, epochOf: (name) => hub.epochOf(name) });
  const presence: string[] = [];
  const counts = new Map<string, number>();
  const key = (id: Uint8Array): string => Buffer.from(id).toString("hex");
  const sessions = new SessionRegistry({ bus, clock, connector, sessionsPerUser: limits.sessionsPerUser });
  const services: SessionServices = {
    clock,
    log: silentLog,
    limits,
    hub,
    tokens,
    permissions,
    sessionIds: new SessionIds(TEST_JWT_SECRET),
    registry: sessions,
    requests: new Requests({ permissions, tokens, publisher: browserPublisher, queryMembers: (channel) => queryMembers(bus, channel) }),
    presence: {
      sessionOpened: ({ id }) => presence.push(`opened ${key(id)}`),
      sessionClosed: (id, graceMs) => presence.push(`closed ${key(id)} ${String(graceMs)}`),
      joined: (_, channel) => presence.push(`joined ${channel}`),
      left: (_, channel) => presence.push(`left ${channel}`),
    },
    counts: new SubscriberCounts((channel, count) => { counts.set(channel, count); }),
    keepsMembers: (channel) => namespaces.ofChannel(channel)?.presence ?? false,
    explain: (thrown) => RpcError.from(thrown, "test"),
  };
  return {
    services,
    bus,
    presence,
    counts,
    async stop() {
      hub.stop();
      publisher.close();
      sessions.stop();
      await bus.close();
    },
  };
}
