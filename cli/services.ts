import { systemClock } from "../lib/clock.js";
import type { Namespaces } from "../lib/config/namespaces.js";
import type { Running } from "../lib/lifecycle.js";
import { createLog } from "../lib/log.js";
import { type DemoSettings, readConnectorConfig } from "../services/connector/config.js";
import { startConnector } from "../services/connector/start.js";
import { readPresenceConfig } from "../services/presence/config.js";
import { startPresence } from "../services/presence/start.js";
import { readPublishConfig } from "../services/publish/config.js";
import { startPublish } from "../services/publish/start.js";
import { withSystemOpen } from "./dev/namespaces.js";

/** A service that has bound its ports. */
export interface RunningService extends Running {
  readonly port: number;
  readonly opsPort: number;
  /** Resolves when it does its work; rejects when that can never be. */
  readonly ready: Promise<void>;
}

/** What `halley dev` changes in the configuration that the environment gives. */
export interface Changes {
  /** Lets everyone who is signed in subscribe to `sys`. */
  readonly systemOpen?: boolean;
  /** Serves the demo page and gives out its tokens. */
  readonly demo?: DemoSettings;
  /** How long presence listens for connectors before it answers. */
  readonly roundMs?: number;
}

/** Nobody is to wait for Ctrl-C: the few clients of a demo need no spreading over a window. */
const DEMO_DRAIN_MS = 300;

type Environment = Readonly<Record<string, string | undefined>>;

/** The services by their names, each started from an environment. They throw ConfigError, or a sentence about a port in use. */
export const SERVICES = {
  publish: async (env: Environment, { systemOpen }: Changes = {}): Promise<RunningService> => {
    const config = await readPublishConfig(env);
    return startPublish({ ...config, namespaces: namespacesOf(config, systemOpen) }, { log: createLog("publish", config.logLevel), clock: systemClock });
  },
  presence: (env: Environment, { systemOpen, roundMs }: Changes = {}): Promise<RunningService> => {
    const config = readPresenceConfig(env);
    const changed = { ...config, namespaces: namespacesOf(config, systemOpen), ...(roundMs !== undefined && { roundMs }) };
    return startPresence(changed, { log: createLog("presence", config.logLevel), clock: systemClock });
  },
  connector: async (env: Environment, { systemOpen, demo }: Changes = {}): Promise<RunningService> => {
    const config = await readConnectorConfig(env);
    const limits = demo ? { ...config.limits, drainMs: DEMO_DRAIN_MS } : config.limits;
    return startConnector({ ...config, demo, limits, namespaces: namespacesOf(config, systemOpen) }, { log: createLog("connector", config.logLevel), clock: systemClock });
  },
} as const satisfies Record<string, (env: Environment, changes?: Changes) => Promise<RunningService>>;

/** The name of a service. */
export type ServiceName = keyof typeof SERVICES;

function namespacesOf({ namespaces }: { readonly namespaces: Namespaces }, systemOpen = false): Namespaces {
  return systemOpen ? withSystemOpen(namespaces) : namespaces;
}
