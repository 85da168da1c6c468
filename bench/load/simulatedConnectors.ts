// A process: connectors without clients, for more sessions than there could be clients. It tells and is asked on NATS only.
import { connect, type NatsConnection } from "nats";
import { setTimeout as pause } from "node:timers/promises";
import { serveCommands } from "../process/commands.js";
import { PresenceClient } from "./presence/presenceClient.js";
import { SimulatedConnector } from "./presence/simulatedConnector.js";

/** Who to speak with. */
interface StartOptions {
  readonly natsUrl: string;
  readonly presencePort: number;
  readonly apiKey: string;
}

interface Started {
  readonly nats: NatsConnection;
  readonly presence: PresenceClient;
}

const HEARTBEAT_MS = 5_000;
/** Changes are told this long after the first of them, as connectors do. */
const GATHER_MS = 100;
/** How long a replica may take to take in one more connector, or to become ready. */
const SYNC_LIMIT_MS = 120_000;
const LOOK_MS = 20;

const connectors: SimulatedConnector[] = [];
let present: Started | undefined;
/** Sessions in no seat. */
let guests = 0;

function started(): Started {
  if (!present) throw new Error("not started");
  return present;
}

async function start({ natsUrl, presencePort, apiKey }: StartOptions): Promise<void> {
  const nats = await connect({ servers: natsUrl, name: "halley-bench" });
  present = { nats, presence: new PresenceClient(presencePort, apiKey) };
  setInterval(() => { for (const connector of connectors) connector.heartbeat(); }, HEARTBEAT_MS);
}

/** Sessions that the service knows of; 0 while it is not ready to say. */
async function known(): Promise<number> {
  return started().presence.sessions().catch(() => 0);
}

/** Sessions that there are. */
function expected(): number {
  return connectors.reduce((sum, { sessions }) => sum + sessions.size, guests);
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + SYNC_LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`presence took more than ${String(SYNC_LIMIT_MS / 1_000)} s until ${what}`);
    await pause(LOOK_MS);
  }
}

/** Adds connectors one after another, each when the service has taken in the one before; gives how long all of it took. */
async function add({ count, seats }: { readonly count: number; readonly seats: number }): Promise<{ seconds: number; sessions: number }> {
  const { nats } = started();
  const beganMs = performance.now();
  for (let added = 0; added < count; added++) {
    const connector = new SimulatedConnector(nats, connectors.length, seats);
    connectors.push(connector);
    connector.heartbeat();
    await until(async () => (await known()) === expected(), `it knew of ${String(expected())} sessions`);
  }
  return { seconds: (performance.now() - beganMs) / 1_000, sessions: expected() };
}

/** Whether the service knows of the last change of each connector. */
async function knowsLastChanges(): Promise<boolean> {
  const last = connectors.filter(({ sessions }) => sessions.turns > 0).map(({ sessions }) => sessions.userOf((sessions.turns - 1) % sessions.size));
  if (last.length === 0) return true;
  const users = await started().presence.users(last).catch(() => []);
  return users.length === last.length && users.every(({ online }) => online);
}

/** Has so many sessions come or go a second, evenly over the newest `among` connectors (left out: over all), for a time. Gives how many did; the service knows of all when this resolves. */
async function churn({ changesPerSecond, forMs, among = connectors.length }: { readonly changesPerSecond: number; readonly forMs: number; readonly among?: number }): Promise<{ changes: number; seconds: number }> {
  const changing = connectors.slice(-among);
  const beganMs = performance.now();
  let seats = 0;
  let spoken = 0;
  for (let elapsedMs = 0; elapsedMs < forMs; elapsedMs = performance.now() - beganMs) {
    // Each in its turn, evenly over the gathering time: connectors know nothing of each other, so they don't speak all at once.
    const due = Math.floor((elapsedMs / 1_000) * (changesPerSecond / 2)) - seats;
    const speaking = Math.ceil((elapsedMs / GATHER_MS) * changing.length) - spoken;
    const each = Math.ceil(due / speaking);
    for (let one = 0; one < speaking && due > 0; one++) {
      changing[spoken % changing.length]?.heartbeat(each);
      spoken += 1;
      seats += each;
    }
    await pause(1);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  await until(knowsLastChanges, "it knew of all changes");
  // Each that went was replaced.
  await until(async () => (await known()) === expected(), `it knew of ${String(expected())} sessions`);
  return { changes: 2 * seats, seconds };
}

/** One heartbeat of one connector is lost; gives how long it took until what was in it was known, in milliseconds. */
async function resync({ index }: { readonly index: number }): Promise<{ ms: number; sessions: number }> {
  const connector = connectors[index];
  if (!connector) throw new Error(`there is no connector ${String(index)}`);
  const guest = `guest-${String(index)}-${String(connector.snapshots)}`;
  const snapshots = connector.snapshots;
  const beganMs = performance.now();
  guests += 1;
  connector.loseOne(guest);
  await until(async () => (await started().presence.users([guest]).catch(() => []))[0]?.online === true, "a lost heartbeat was made good");
  const ms = performance.now() - beganMs;
  if (connector.snapshots === snapshots) throw new Error("a user was known of without the snapshot that alone tells of them");
  return { ms, sessions: connector.sessions.size };
}

/**
 * Users to ask for: who sits on seats far from the turn and, where wanted, as many who sat there before or will sit there
 * next. None of them changes within `forChanges` changes of the whole.
 */
function sample({ count, offline, forChanges }: { readonly count: number; readonly offline: boolean; readonly forChanges: number }): { online: string[]; offline: string[] } {
  const here: string[] = [];
  const away: string[] = [];
  for (let tried = 0; here.length < count; tried++) {
    if (tried > 100 * count) throw new Error("there are too few seats that don't change");
    const connector = connectors[Math.floor(Math.random() * connectors.length)];
    if (!connector) throw new Error("there are no connectors");
    const { sessions } = connector;
    const seat = Math.floor(Math.random() * sessions.size);
    const distance = (seat - (sessions.turns % sessions.size) + sessions.size) % sessions.size;
    if (distance < forChanges / connectors.length) continue;
    here.push(sessions.userOf(seat));
    if (offline) away.push(sessions.userOf(seat, sessions.generationOf(seat) + 1));
  }
  return { online: here, offline: away };
}

const commands = { start, add, churn, resync, sample };
/** What the simulated connectors can be asked. */
export type SimulatedConnectorsCommands = typeof commands;

serveCommands(commands);
