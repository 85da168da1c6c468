// A process: clients that have been away and all come back at once, with their positions.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { SessionIds } from "../../services/connector/session/sessionId.js";
import { serveCommands } from "../process/commands.js";
import { quantile } from "../statistics.js";
import { clientFrame } from "./frameReader.js";
import type { Missed } from "./recovery/missed.js";
import { Returner } from "./recovery/returner.js";
import { Verifier } from "./recovery/verifier.js";
import { benchToken } from "./token.js";

/** Where everybody stands, by channel; of inboxes one for all, since nothing was ever in them. */
export interface Positions {
  readonly channels: Readonly<Record<string, object>>;
  readonly inbox: object;
  readonly all: object;
}

/** Who comes back. */
export interface ComeBackOptions {
  readonly port: number;
  readonly secret: string;
  readonly clients: number;
  readonly positions: Positions;
  readonly missed: Missed;
}

/** How they fared. */
export interface ComeBack {
  /** From the first dial until the last has everything. */
  readonly seconds: number;
  /** Of one client, from its own first dial. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Connections that ended too early, and were made again. */
  readonly lost: number;
  readonly cpuSeconds: number;
}

/** Handshakes of TCP at a time: more would overflow the listener's queue, and the kernel's retries, seconds later, would be measured. */
const DIALED_TOGETHER = 1_000;
const AGAIN_MS = 250;
const LIMIT_MS = 120_000;
const SCOUT = "scout";

interface Answer {
  readonly connected?: { readonly subscriptions: Readonly<Record<string, { readonly position: object }>> };
  readonly subscribed?: { readonly channel: string; readonly position: object };
}

/** Learns where every channel stands now. */
async function scout({ port, secret, channels }: { readonly port: number; readonly secret: string; readonly channels: readonly string[] }): Promise<Positions> {
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, "halley.v1.json");
  const found: Record<string, object> = {};
  const complete = new Promise<void>((resolve, reject) => {
    socket.on("close", () => { reject(new Error("the scout's connection has ended")); });
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        const { connected, subscribed } = JSON.parse(line) as Answer;
        for (const [channel, { position }] of Object.entries(connected?.subscriptions ?? {})) found[channel] = position;
        if (subscribed) found[subscribed.channel] = subscribed.position;
      }
      if (Object.keys(found).length === channels.length + 2) resolve();
    });
  });
  await once(socket, "open");
  const frames = [{ id: 1, connect: { token: benchToken(SCOUT, secret) } }, ...channels.map((channel, index) => ({ id: index + 2, subscribe: { channel } }))];
  socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
  await complete;
  socket.terminate();
  const { all = {}, [`user.${SCOUT}`]: inbox = {}, ...rest } = found;
  return { channels: rest, inbox, all };
}

/** Has everybody come back to one connector at once; resolves when each has exactly what it missed. Throws when one has not. */
async function comeBack({ port, secret, clients, positions, missed }: ComeBackOptions): Promise<ComeBack> {
  const sessions = new SessionIds(secret);
  const verifier = new Verifier(missed);
  const channels = Object.keys(missed);
  // Made before the clock runs: clients have them.
  const brought = Array.from({ length: clients }, (_, index) => {
    const user = `user-${String(index)}`;
    const channel = channels[index % channels.length] ?? "";
    const connect = { token: benchToken(user, secret), session: sessions.create(user).text, positions: { [`user.${user}`]: positions.inbox, all: positions.all } };
    const frames = clientFrame(`${JSON.stringify({ id: 1, connect })}\n${JSON.stringify({ id: 2, subscribe: { channel, position: positions.channels[channel] } })}`);
    return { port, channel, frames, verifier };
  });
  const returners: Returner[] = [];
  const tookMs: number[] = [];
  let lost = 0;
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  let giveUp: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => { giveUp = reject; });
  const limit = setTimeout(() => { giveUp(new Error(`after ${String(LIMIT_MS / 1_000)} s ${String(clients - tookMs.length)} clients had not come back`)); }, LIMIT_MS);
  const everybody = new Promise<void>((resolve) => {
    const bring = async (options: (typeof brought)[number], onDialed: () => void): Promise<void> => {
      const dialedMs = performance.now();
      for (;;) {
        const { returner, outcome } = Returner.come(options, onDialed);
        if ((await outcome) === "recovered") {
          returners.push(returner);
          break;
        }
        lost += 1;
        await pause(AGAIN_MS);
      }
      tookMs.push(performance.now() - dialedMs);
      if (tookMs.length === clients) resolve();
    };
    const dialNext = (): void => {
      const options = brought[next++];
      if (options) bring(options, onceOnly(dialNext)).catch((error: unknown) => { giveUp(error instanceof Error ? error : new Error(String(error))); });
    };
    for (let dialed = 0; dialed < DIALED_TOGETHER; dialed++) dialNext();
  });
  try {
    await Promise.race([everybody, failed]);
  } finally {
    clearTimeout(limit);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const returner of returners) returner.close();
  tookMs.sort((left, right) => left - right);
  return { seconds, p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), lost, cpuSeconds: (user + system) / 1e6 };
}

function onceOnly(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}

const commands = { scout, comeBack };
/** What they can be asked. */
export type ReturnersCommands = typeof commands;

serveCommands(commands);
