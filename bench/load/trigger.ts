import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { controlCommand } from "./controlCommand.js";

/** How to make a server deliver messages, as it travels to a load generator. Messages go to the channels in turn. */
export type Source =
  | { readonly way: "nats"; readonly url: string; readonly subjects: readonly string[]; readonly payload: string }
  | { readonly way: "http"; readonly port: number; readonly paths: readonly string[]; readonly payload: string }
  | { readonly way: "control"; readonly port: number; readonly channels: number };

/** Makes a server deliver: one write of ready-made bytes. */
export interface Trigger {
  /** Has the next `burst` messages (at most 255) delivered. */
  fire(burst: number): void;
  close(): void;
}

/** Connects to what a source names; `onFailure` is told when a message is refused or the connection ends. */
export async function openTrigger(source: Source, onFailure: (error: Error) => void): Promise<Trigger> {
  switch (source.way) {
    case "nats":
      return natsTrigger(source, onFailure);
    case "http":
      return httpTrigger(source, onFailure);
    case "control":
      return controlTrigger(source, onFailure);
  }
}

/** Publishes straight onto NATS, by its protocol on a raw socket. */
async function natsTrigger({ url, subjects, payload }: Source & { way: "nats" }, onFailure: (error: Error) => void): Promise<Trigger> {
  const socket = await natsSocket(url, onFailure);
  const size = Buffer.byteLength(payload);
  return writing(socket, subjects.map((subject) => Buffer.from(`PUB ${subject} ${String(size)}\r\n${payload}\r\n`)));
}

/** Posts over HTTP, many requests in one connection, without waiting for answers (pipelining). */
async function httpTrigger({ port, paths, payload }: Source & { way: "http" }, onFailure: (error: Error) => void): Promise<Trigger> {
  const socket = await dial(port, "127.0.0.1", onFailure);
  socket.on("data", (chunk: Buffer) => {
    const refusal = /HTTP\/1\.1 [013-9].*/.exec(chunk.toString("latin1"));
    if (refusal) socket.destroy(new Error(`a message was refused: ${refusal[0]}`));
  });
  const size = String(Buffer.byteLength(payload));
  return writing(socket, paths.map((path) => Buffer.from(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n${payload}`)));
}

/** Tells a floor, or a peer's server that is ours, how many messages to deliver to which channel. */
async function controlTrigger({ port, channels }: Source & { way: "control" }, onFailure: (error: Error) => void): Promise<Trigger> {
  const socket = await dial(port, "127.0.0.1", onFailure);
  if (channels > 1) return writing(socket, Array.from({ length: channels }, (_, channel) => controlCommand(1, channel)));
  return { fire: (burst) => socket.write(controlCommand(burst, 0)), close: () => { hangUp(socket); } };
}

/** Writes the messages of all channels in turn, a burst in one piece. */
function writing(socket: Socket, messages: readonly Buffer[]): Trigger {
  let next = 0;
  const take = (): Buffer => messages[next++ % messages.length] ?? Buffer.alloc(0);
  return {
    fire: (burst) => socket.write(burst === 1 ? take() : Buffer.concat(Array.from({ length: burst }, take))),
    close: () => { hangUp(socket); },
  };
}

function complain(error: Error): void {
  process.stderr.write(`bench: ${error.message}\n`);
}

function hangUp(socket: Socket): void {
  socket.removeAllListeners("close");
  socket.destroy();
}

/** A raw connection to NATS that may publish: it answers pings, and is dead when the server refuses anything. */
export async function natsSocket(url: string, onFailure = complain): Promise<Socket> {
  const { port, hostname } = new URL(url);
  const socket = await dial(Number(port), hostname, onFailure);
  socket.on("data", (chunk: Buffer) => {
    const text = chunk.toString("latin1");
    if (text.includes("PING\r\n")) socket.write("PONG\r\n");
    if (text.includes("-ERR")) socket.destroy(new Error(text));
  });
  socket.write('CONNECT {"verbose":false,"pedantic":false,"name":"halley-bench"}\r\n');
  return socket;
}

/** Connects; `onFailure` is told when that breaks, unless it was `hangUp` that ended it. */
export async function dial(port: number, host: string, onFailure = complain): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true });
  await once(socket, "connect");
  socket.on("error", onFailure);
  socket.on("close", () => { onFailure(new Error("the connection that messages are published over has ended")); });
  return socket;
}
