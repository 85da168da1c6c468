// A process: connections that have interest in very many subjects, as connectors have, and one that publishes to them. It speaks NATS's protocol by hand.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { serveCommands } from "../process/commands.js";

/** Subjects are spread over so many connections. */
const CONNECTIONS = 10;
/** Written together; then the server must have taken it in. */
const TOGETHER = 10_000;
/** Messages that are published together. */
const PIECE = 500;
const LIMIT_MS = 60_000;

/** One connection to a nats-server. */
class Wire {
  readonly #socket: Socket;
  #rest = "";
  #pongs: (() => void)[] = [];
  /** Told of every message. */
  onMessage: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: Buffer | string) => { this.#read(String(text)); });
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    const wire = new Wire(socket);
    socket.write('CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1"}\r\n');
    await wire.flush();
    return wire;
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Resolves when the server has handled all that was written. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#pongs.push(resolve);
      this.write("PING\r\n");
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\r\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("MSG ")) this.onMessage();
      else if (line === "PONG") this.#pongs.shift()?.();
      else if (line === "PING") this.write("PONG\r\n");
      else if (line.startsWith("-ERR")) throw new Error(`NATS says ${line}`);
    }
  }
}

const subjectOf = (index: number): string => `halley.pub.user.${index.toString(36)}`;
const wires: Wire[] = [];
let publisher: Wire | undefined;
let subjects = 0;
let came = 0;
let onCame: () => void = () => undefined;

/** `port`: of the server that has the interest; `publishPort`: of the one that is published to. */
async function start({ port, publishPort }: { readonly port: number; readonly publishPort: number }): Promise<void> {
  for (let opened = 0; opened < CONNECTIONS; opened++) {
    const wire = await Wire.open(port);
    wire.onMessage = () => {
      came += 1;
      onCame();
    };
    wires.push(wire);
  }
  publisher = await Wire.open(publishPort);
}

/** Publishes to each of the subjects, resolves when all messages are here. */
async function sendTo(indexes: readonly number[]): Promise<void> {
  const until = came + indexes.length;
  const all = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(`${String(until - came)} of ${String(indexes.length)} messages did not come`)); }, LIMIT_MS);
    onCame = () => {
      if (came < until) return;
      clearTimeout(timer);
      resolve();
    };
  });
  publisher?.write(indexes.map((index) => `PUB ${subjectOf(index)} 1\r\nx\r\n`).join(""));
  await all;
}

/** Has interest in so many subjects; resolves when the other server knows of the last, gives the seconds until then. */
async function grow({ to }: { readonly to: number }): Promise<number> {
  const beganMs = performance.now();
  while (subjects < to) {
    const wire = wires[(subjects / TOGETHER) % CONNECTIONS | 0];
    if (!wire) throw new Error("not started");
    const lines: string[] = [];
    for (const end = Math.min(to, subjects + TOGETHER); subjects < end; subjects++) lines.push(`SUB ${subjectOf(subjects)} ${String(subjects + 1)}\r\n`);
    wire.write(lines.join(""));
    await wire.flush();
  }
  // Routes carry interest in its order; a message that comes before it is lost.
  const tries = setInterval(() => { publisher?.write(`PUB ${subjectOf(to - 1)} 1\r\nx\r\n`); }, 5);
  try {
    await new Promise<void>((resolve) => { onCame = resolve; });
  } finally {
    clearInterval(tries);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  for (const wire of wires) await wire.flush();
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  return seconds;
}

/** So many messages, each to one of the subjects at random. */
async function deliver({ count }: { readonly count: number }): Promise<void> {
  for (let sent = 0; sent < count; sent += PIECE) await sendTo(Array.from({ length: PIECE }, () => Math.floor(Math.random() * subjects)));
}

const commands = { start, grow, deliver };
/** What interest can be asked. */
export type InterestsCommands = typeof commands;

serveCommands(commands);
