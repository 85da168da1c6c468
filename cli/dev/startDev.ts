import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { Settings } from "../../lib/config/settings.js";
import type { DemoSettings } from "../../services/connector/config.js";
import { findNatsBinary } from "../nats/natsBinary.js";
import { PrivateNats } from "../nats/privateNats.js";
import { type Changes, type RunningService, SERVICES, type ServiceName } from "../services.js";
import { demoSettings } from "./demoSettings.js";
import { DevFolder } from "./devFolder.js";
import { devSettings } from "./devSettings.js";
import { DEV_NAMESPACES } from "./namespaces.js";

/** All is ready in a second where NATS is; past this it is said what is waited for. */
const PATIENCE_MS = 10_000;

/** On a NATS that has just been started there are no other connectors whose heartbeats presence would have to wait for. */
const LONELY_ROUND_MS = 500;

/** A NATS and all services in this process, ready. */
export interface RunningDev extends Running {
  readonly settings: Settings;
  readonly services: Readonly<Record<ServiceName, RunningService>>;
  readonly nats: DevNats;
}

/** The NATS of a `halley dev`. */
export interface DevNats {
  readonly url: string;
  /** Of the private server; undefined where a running NATS was named. */
  readonly version: string | undefined;
}

/** What is told while it starts and runs. */
export interface DevOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the start, which may wait for NATS for ever. */
  readonly signal: AbortSignal;
  /** Told of what should be known and needs nothing done, in a sentence. */
  readonly onRemark: (sentence: string) => void;
  /** Told when it can't go on; it has been stopped then. */
  readonly onFailed: (error: unknown) => void;
}

/** Starts everything, and resolves when all of it is ready. Throws ConfigError, a sentence, or the signal's reason; nothing is left running then. */
export async function startDev(options: DevOptions): Promise<RunningDev> {
  const { env, settings } = await devSettings(options.env);
  const parts = new StartedParts();
  const fail = (error: unknown): void => {
    // What it failed of matters, not what the clean-up says.
    void parts.stop().catch(() => undefined).then(() => { options.onFailed(error); });
  };
  try {
    const folder = parts.add(DevFolder.claim(settings.HALLEY_DATA), (one) => { one.release(); });
    const context = { folder, parts, fail, onRemark: options.onRemark, signal: options.signal };
    const nats = await startNats(settings, context);
    const configPath = settings.HALLEY_CONFIG ?? writeConfig(folder);
    const shared = { ...env, HALLEY_NATS_URL: nats.url, HALLEY_CONFIG: resolve(configPath) };
    const changes = { systemOpen: true, ...(nats.version !== undefined && { roundMs: LONELY_ROUND_MS }) };
    const start: Starter = (service, more) => SERVICES[service](shared, { ...changes, ...more });
    const services = await startServices(start, { ...context, demoOf: (publishPort) => demoSettings(settings, { publishPort, natsUrl: nats.url }) });
    folder.publish({ ...onlyHalley(shared), ...portsOf(services) });
    return { settings, services, nats, stop: () => parts.stop() };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

type Starter = (service: ServiceName, changes?: Changes) => Promise<RunningService>;

interface DevContext {
  readonly folder: DevFolder;
  readonly parts: StartedParts;
  readonly fail: (error: unknown) => void;
  readonly onRemark: (sentence: string) => void;
  readonly signal: AbortSignal;
}

async function startNats(settings: Settings, { folder, parts, fail, onRemark }: DevContext): Promise<DevNats> {
  if (settings.HALLEY_NATS_URL.length > 0) return { url: settings.HALLEY_NATS_URL.join(","), version: undefined };
  const binary = await findNatsBinary(settings.HALLEY_NATS_SERVER);
  const nats = await PrivateNats.start({
    binary,
    folder: folder.path,
    port: settings.HALLEY_NATS_PORT,
    onEnded: () => { onRemark("nats-server has ended; starting it again"); },
    onFailed: fail,
  });
  parts.add(nats, (one) => one.stop());
  return { url: nats.url, version: binary.version };
}

/** Starts one service after another, and waits until all are ready: first publish, which makes the streams for the others. */
async function startServices(start: Starter, { parts, onRemark, signal, demoOf }: DevContext & { readonly demoOf: (publishPort: number) => DemoSettings }): Promise<Record<ServiceName, RunningService>> {
  const impatience = setTimeout(() => { onRemark("still waiting for NATS; Ctrl-C ends it"); }, PATIENCE_MS);
  const begin: Starter = async (service, changes) => parts.add(await start(service, changes), (one) => one.stop());
  try {
    const publish = await begin("publish");
    await unlessAborted(publish.ready, signal);
    const [presence, connector] = [await begin("presence"), await begin("connector", { demo: demoOf(publish.port) })];
    await unlessAborted(Promise.all([presence.ready, connector.ready]), signal);
    return { publish, presence, connector };
  } finally {
    clearTimeout(impatience);
  }
}

/** Settles as `work` does, or rejects with the signal's reason. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).catch(() => undefined);
  try {
    await Promise.race([work, aborted]);
    signal.throwIfAborted();
  } finally {
    settled.abort();
  }
}

/** Writes the development namespaces as a halley.yaml, for services that are started beside this one. */
function writeConfig(folder: DevFolder): string {
  const path = join(folder.path, "halley.yaml");
  writeFileSync(path, `# Written by halley dev at every start. Copy it, and name the copy in HALLEY_CONFIG, to change it.\n${stringify(DEV_NAMESPACES)}`);
  return path;
}

function onlyHalley(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (name.startsWith("HALLEY_") && value !== undefined ? [[name, value]] : [])));
}

function portsOf(services: Readonly<Record<ServiceName, RunningService>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(services).flatMap(([name, { port, opsPort }]) => [
      [`HALLEY_${name.toUpperCase()}_PORT`, String(port)],
      [`HALLEY_${name.toUpperCase()}_OPS_PORT`, String(opsPort)],
    ]),
  );
}
