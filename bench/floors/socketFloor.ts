// A process: the cheapest program on Node's `net` that could do a connector's fan-out. It knows no protocol: told to, it
// writes a ready-made buffer to each of a channel's sockets, one write each, the same buffer to all.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { onControlCommands } from "../load/controlCommand.js";
import { serverFrame } from "../load/frameReader.js";
import { serveCommands } from "../process/commands.js";

/** By channel. */
const sockets = new Map<number, Set<Socket>>();
const WELCOME = serverFrame(Buffer.from('{"id":2,"subscribed":{}}'));
let frame: { readonly burst: number; readonly bytes: Buffer } | undefined;

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ noDelay: true }, onSocket);
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The first two bytes that a receiver sends are the number of its channel. */
function onReceiver(socket: Socket): void {
  let members: Set<Socket> | undefined;
  socket.on("data", (bytes: Buffer) => {
    if (members || bytes.length < 2) return;
    members = membersOf(bytes.readUInt16BE(0));
    members.add(socket);
    socket.write(WELCOME);
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => members?.delete(socket));
}

function membersOf(channel: number): Set<Socket> {
  const members = sockets.get(channel) ?? new Set();
  sockets.set(channel, members);
  return members;
}

function flush(burst: number, channel: number): void {
  if (frame?.burst !== burst) throw new Error(`there is no frame of ${String(burst)} messages`);
  for (const socket of membersOf(channel)) socket.write(frame.bytes);
}

/** Listens for receivers, and for control connections. */
async function start(): Promise<{ port: number; controlPort: number }> {
  return { port: await listen(onReceiver), controlPort: await listen((socket) => { onControlCommands(socket, flush); }) };
}

/** Sets what is written for a burst of so many messages, in base64. */
function setFrame({ burst, bytes }: { readonly burst: number; readonly bytes: string }): void {
  frame = { burst, bytes: Buffer.from(bytes, "base64") };
}

/** Collects garbage until nothing more comes of it. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await pause(200);
  }
}

const commands = { start, setFrame, settle };
/** What the floor can be asked. */
export type SocketFloorCommands = typeof commands;

serveCommands(commands);
