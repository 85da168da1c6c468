import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PrivateNats } from "../../cli/nats/privateNats.js";
import { findNatsBinary } from "../../cli/nats/natsBinary.js";
import { type Running, StartedParts } from "../../lib/lifecycle.js";
import type { PartContext } from "../part.js";
import { type Service, startService } from "./service.js";

/** What tokens of the bench's users are signed with. */
export const JWT_SECRET = "a secret for benchmarks only, long enough for HS256";
/** What the bench publishes with. */
export const API_KEY = "key-of-the-bench";
/** The namespace of the bench: with history, on disk, as `halley dev` has it. */
const CONFIGURATION = `namespaces:
  bench:
    history: { messages: 100000, age: 1h, bytes: 1GiB }
    subscribe: signed-in
    untyped: true
`;

/** A nats-server with JetStream on disk and the services, each a process of its own, on free ports of loopback. */
export interface Installation extends Running {
  readonly natsUrl: string;
  readonly natsPid: number;
  readonly publish: Service;
}

/** An installation that browsers can connect to. */
export interface WholeInstallation extends Installation {
  readonly connector: Service;
}

/** What is not as usual. */
export interface BackendSettings {
  /** The program; left out: the usual one. */
  readonly natsServer?: string;
}

/** Starts NATS and the publish service, which makes the streams. The caller stops them. */
export async function startBackend(context: PartContext, settings: BackendSettings = {}): Promise<Installation> {
  const parts = new StartedParts();
  try {
    return await startParts(context, parts, settings);
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/** Starts everything but presence. The caller stops it. */
export async function startInstallation(context: PartContext): Promise<WholeInstallation> {
  const backend = await startBackend(context);
  try {
    const connector = await startConnector(context, backend);
    const stop = async (): Promise<void> => {
      await connector.process.stop();
      await backend.stop();
    };
    return { ...backend, connector, stop };
  } catch (error) {
    await backend.stop();
    throw error;
  }
}

/** Starts a connector beside a backend, for which `context` is the same. The caller stops its process. */
export function startConnector({ folder, signal }: PartContext, { natsUrl }: Installation): Promise<Service> {
  return startService({ name: "connector", env: { ...environment(folder, natsUrl), HALLEY_JWT_SECRET: JWT_SECRET }, signal });
}

/** Starts a presence replica beside a backend, for which `context` is the same. The caller stops its process. */
export function startPresence({ folder, signal }: PartContext, { natsUrl }: Installation): Promise<Service> {
  return startService({ name: "presence", env: { ...environment(folder, natsUrl), HALLEY_API_KEYS: API_KEY }, signal });
}

async function startParts({ folder, signal }: PartContext, parts: StartedParts, { natsServer }: BackendSettings): Promise<Installation> {
  const binary = await findNatsBinary(natsServer ?? process.env["HALLEY_NATS_SERVER"]);
  const natsFolder = join(folder, "nats");
  mkdirSync(natsFolder, { recursive: true });
  writeFileSync(configurationIn(folder), CONFIGURATION);
  const onFailed = (error: Error): void => { process.stderr.write(`bench: ${error.message}\n`); };
  const onEnded = (): void => { onFailed(new Error("nats-server has ended by itself: nothing measured now counts")); };
  const nats = await PrivateNats.start({ binary, folder: natsFolder, port: 0, onEnded, onFailed });
  parts.add(nats, () => nats.stop());
  const env = { ...environment(folder, nats.url), HALLEY_API_KEYS: API_KEY };
  const publish = await startService({ name: "publish", env, signal });
  parts.add(publish, () => publish.process.stop());
  const natsPid = Number(readFileSync(join(natsFolder, "nats.pid"), "utf8"));
  return { natsUrl: nats.url, natsPid, publish, stop: () => parts.stop() };
}

function environment(folder: string, natsUrl: string): Record<string, string> {
  return { HALLEY_NATS_URL: natsUrl, HALLEY_CONFIG: configurationIn(folder) };
}

function configurationIn(folder: string): string {
  return join(folder, "halley.yaml");
}
