import { randomBytes, randomUUID } from "node:crypto";
import type { Bus } from "../../lib/bus/bus.js";
import { Publisher } from "../../lib/bus/publisher.js";
import { type Clock, sleep } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Log } from "../../lib/log.js";
import { MessageInterpreter } from "./channel/messageInterpreter.js";
import type { ConnectorConfig } from "./config.js";
import type { ConnectorTally } from "./connectorMetrics.js";
import { Hub } from "./hub.js";
import { PresenceReporter } from "./presence/reporter.js";
import { BrowserPublisher } from "./session/browserPublisher.js";
import { queryMembers } from "./session/memberQuery.js";
import { Permissions } from "./session/permissions.js";
import { Requests } from "./session/requests.js";
import type { SessionServices } from "./session/session.js";
import { SessionIds } from "./session/sessionId.js";
import { SessionRegistry } from "./session/sessionRegistry.js";
import { SubscriberCounts } from "./session/subscriberCounts.js";
import { TokenVerifier } from "./session/token.js";
import { Flusher } from "./transport/flusher.js";
import { PollServer } from "./transport/poll/pollServer.js";
import { WebSocketServer } from "./transport/webSocketServer.js";

/** What the core is made with. */
export interface CoreParts {
  readonly config: ConnectorConfig;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly tally: ConnectorTally;
}

/** Looks again for streams that are not there yet after this long. */
const STREAMS_RETRY_MS = 500;
/** Connections sent away per millisecond while draining, at most: others must be able to take them. */
const DRAIN_PER_MS = 0.5;
/** Answers to polls that are being drained are written within this time. */
const POLL_ANSWER_MS = 2_000;

/** Everything of a connector that needs NATS: channels, sessions, and the two transports. */
export class Core implements Running {
  readonly hub: Hub;
  readonly webSockets: WebSocketServer;
  readonly polls: PollServer;
  readonly sessions: SessionRegistry;
  readonly #parts: CoreParts;
  readonly #started = new StartedParts();
  readonly #presence: PresenceReporter;

  constructor(parts: CoreParts) {
    const { config, bus, clock, log, tally } = parts;
    const { limits, namespaces, registry } = config;
    this.#parts = parts;
    const incarnation = randomBytes(8);
    const flusher = this.#started.add(new Flusher(log, clock), (part) => { part.close(); });
    const connector = `c${randomBytes(6).toString("hex")}`;
    this.#presence = new PresenceReporter({ bus, clock, log, connector, incarnation });
    const interpreter = new MessageInterpreter({ bus, clock, log, registry, onDead: () => { tally.deadLetters += 1; } });
    const onMessage = (): void => {
      tally.messages += 1;
      this.#presence.countPublications(1);
    };
    const onRepaired = (messages: number): void => {
      tally.gapsRepaired += 1;
      tally.messagesRepaired += messages;
    };
    this.hub = new Hub({ bus, clock, log, namespaces, interpreter, limits, incarnation: incarnation.toString("hex"), onMessage, onRepaired, turnEnd: flusher });
    this.#started.add(this.hub, (hub) => { hub.stop(); });
    const publisher = this.#started.add(new Publisher(bus, clock), (part) => { part.close(); });
    this.sessions = this.#started.add(new SessionRegistry({ bus, clock, connector, sessionsPerUser: limits.sessionsPerUser }), (part) => { part.stop(); });
    const permissions = new Permissions(namespaces);
    const tokens = new TokenVerifier(config.jwtSecret);
    const epochOf = (namespace: string): string => this.hub.epochOf(namespace);
    const browserPublisher = new BrowserPublisher({ bus, publisher, clock, registry, permissions, epochOf });
    const services: SessionServices = {
      clock,
      log,
      limits,
      hub: this.hub,
      tokens,
      permissions,
      sessionIds: new SessionIds(config.jwtSecret),
      registry: this.sessions,
      requests: new Requests({ permissions, tokens, publisher: browserPublisher, queryMembers: (channel) => queryMembers(bus, channel) }),
      presence: this.#presence,
      counts: new SubscriberCounts((channel, sessions) => { this.#presence.subscriberCount(channel, sessions); }),
      keepsMembers: (channel) => namespaces.ofChannel(channel)?.presence ?? false,
      explain: (thrown) => explain(thrown, log),
    };
    const onDelivered = (publications: number): void => {
      tally.deliveries += publications;
      this.#presence.countDeliveries(publications);
    };
    this.webSockets = this.#started.add(new WebSocketServer({ services, flusher, onDelivered }), (part) => { part.stop(); });
    this.polls = new PollServer({ services, onDelivered });
  }

  /** Follows the streams; waits for those that the publish service has not made yet. Rejects when aborted. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.hub.start();
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        if (attempt === 1) log.warn({ err: error }, "waiting for the streams, which the publish service makes");
        await sleep(clock, STREAMS_RETRY_MS, signal);
      }
    }
  }

  /** Sends all clients away, spread over at most `drainMs`, and says goodbye to presence. */
  async stop(): Promise<void> {
    const { config, clock } = this.#parts;
    this.polls.drain();
    await this.webSockets.drain(Math.min(config.limits.drainMs, this.webSockets.size / DRAIN_PER_MS));
    const giveUpAtMs = clock.monotonicMs() + POLL_ANSWER_MS;
    while ((this.polls.waiting > 0 || this.webSockets.size > 0) && clock.monotonicMs() < giveUpAtMs) await sleep(clock, 20);
    this.polls.leaveBehind();
    this.#presence.stop();
    await this.#started.stop();
  }
}

/** What a caller is told of a fault; the log holds its cause under the id in the sentence. */
function explain(thrown: unknown, log: Log): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const faultId = randomUUID();
  log.error({ err: thrown, faultId }, "a fault while answering a client");
  return RpcError.from(thrown, faultId);
}
