// A process: sessions that are subscribed to a thousand channels each, and messages to one channel after another.
import { once } from "node:events";
import { WebSocket } from "ws";
import { subjects } from "../../lib/bus/subjects.js";
import { stampedPayload } from "../payload.js";
import { serveCommands } from "../process/commands.js";
import { quantile } from "../statistics.js";
import { benchToken } from "./token.js";
import { natsSocket } from "./trigger.js";

/** Where, and as whom. */
interface StartOptions {
  readonly port: number;
  readonly secret: string;
  readonly natsUrl: string;
}

interface Started extends StartOptions {
  readonly nats: Awaited<ReturnType<typeof natsSocket>>;
}

interface Frame {
  readonly id?: number;
  readonly error?: object;
  readonly publication?: { readonly channel: string };
  readonly ping?: object;
}

/** As many as a connector takes of one session. */
const CHANNELS_PER_SESSION = 1_000;
const SUBSCRIBES_UNDER_WAY = 200;
const ARRIVAL_LIMIT_MS = 10_000;

/** A session on a WebSocket. */
class Watcher {
  readonly channels: string[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (frame: Frame) => void>();
  #nextId = 1;

  constructor(socket: WebSocket, onPublication: (channel: string) => void) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        const frame = JSON.parse(line) as Frame;
        if (frame.publication) onPublication(frame.publication.channel);
        else if (frame.ping) socket.send('{"pong":{}}');
        else this.#waiting.get(frame.id ?? 0)?.(frame);
      }
    });
    socket.on("close", () => {
      for (const settle of this.#waiting.values()) settle({ error: { message: "the connection has ended" } });
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  async ask(body: object): Promise<void> {
    const id = this.#nextId++;
    const answer = await new Promise<Frame>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, ...body }));
    });
    this.#waiting.delete(id);
    if (answer.error) throw new Error(`refused: ${JSON.stringify(answer.error)}`);
  }
}

const watchers: Watcher[] = [];
let present: Started | undefined;
let channels = 0;
let probing: { readonly watcher: Watcher; readonly channels: readonly string[] } | undefined;
let onPublication: (channel: string) => void = () => undefined;

function started(): Started {
  if (!present) throw new Error("not started");
  return present;
}

async function start(options: StartOptions): Promise<void> {
  present = { ...options, nats: await natsSocket(options.natsUrl) };
}

async function newWatcher(): Promise<Watcher> {
  const { port, secret } = started();
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, "halley.v1.json");
  await once(socket, "open");
  const watcher = new Watcher(socket, (channel) => { onPublication(channel); });
  await watcher.ask({ connect: { token: benchToken(`user-${String(watchers.length)}`, secret) } });
  watchers.push(watcher);
  return watcher;
}

function channelAt(index: number): string {
  return `bench.growth.${String(index)}`;
}

/** Subscribes to further channels until there are so many, a few hundred at a time. */
async function grow({ to }: { readonly to: number }): Promise<void> {
  while (channels < to) {
    const last = watchers.at(-1);
    const watcher = last && last.channels.length < CHANNELS_PER_SESSION ? last : await newWatcher();
    const count = Math.min(to - channels, SUBSCRIBES_UNDER_WAY, CHANNELS_PER_SESSION - watcher.channels.length);
    const added = Array.from({ length: count }, (_, index) => channelAt(channels + index));
    await Promise.all(added.map((channel) => watcher.ask({ subscribe: { channel } })));
    watcher.channels.push(...added);
    channels += count;
  }
}

/** Subscribes a session of its own to so many channels that nobody has had, at most 1,000, a few hundred at a time; `leave` gives them up. */
async function probe({ count, name }: { readonly count: number; readonly name: string }): Promise<{ seconds: number }> {
  const { watcher } = (probing = { watcher: await newWatcher(), channels: Array.from({ length: count }, (_, index) => `bench.probe.${name}.${String(index)}`) });
  // Its session is none of those that grow.
  watchers.pop();
  const beganMs = performance.now();
  for (let at = 0; at < count; at += SUBSCRIBES_UNDER_WAY) await Promise.all(probing.channels.slice(at, at + SUBSCRIBES_UNDER_WAY).map((channel) => watcher.ask({ subscribe: { channel } })));
  return { seconds: (performance.now() - beganMs) / 1_000 };
}

/** Unsubscribes what the last `probe` has subscribed to. */
async function leave(): Promise<void> {
  const { watcher, channels: left } = probing ?? {};
  probing = undefined;
  for (let at = 0; watcher && left && at < left.length; at += SUBSCRIBES_UNDER_WAY) await Promise.all(left.slice(at, at + SUBSCRIBES_UNDER_WAY).map((channel) => watcher.ask({ unsubscribe: { channel } })));
  watcher?.close();
}

/**
 * Publishes so many messages to `over` channels in turn, spread over all that there are, each when the one before has arrived, so that no two are handled
 * together at any number of channels. Throws when one doesn't arrive, or arrives anywhere else.
 */
async function deliver({ count, over, payloadBytes }: { readonly count: number; readonly over: number; readonly payloadBytes: number }): Promise<{ p50Ms: number; seconds: number }> {
  const { nats } = started();
  const payload = stampedPayload(0, payloadBytes);
  const tookMs: number[] = [];
  const beganMs = performance.now();
  for (let index = 0; index < count; index++) {
    const channel = channelAt(Math.floor(((index % over) * channels) / over));
    const sentMs = performance.now();
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => { reject(new Error(`a message to ${channel} did not arrive`)); }, ARRIVAL_LIMIT_MS);
      onPublication = (arrived) => {
        clearTimeout(limit);
        if (arrived === channel) resolve();
        else reject(new Error(`a message arrived in ${arrived} that was sent to ${channel}`));
      };
      nats.write(`PUB ${subjects.publish(channel)} ${String(payload.length)}\r\n${payload}\r\n`);
    });
    tookMs.push(performance.now() - sentMs);
  }
  return { p50Ms: quantile(tookMs.sort((left, right) => left - right), 0.5), seconds: (performance.now() - beganMs) / 1_000 };
}

const commands = { start, grow, probe, leave, deliver };
/** What they can be asked. */
export type ChannelWatchersCommands = typeof commands;

serveCommands(commands);
