// A process: a server of Socket.IO as its documentation builds one. Each socket joins the room that it names; told to, it
// emits a message to a room.
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Server } from "node:net";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { onControlCommands } from "../load/controlCommand.js";
import { serveCommands } from "../process/commands.js";

/** As much of Socket.IO as is used here: its package is installed for the bench alone. */
interface SocketIo {
  on(event: "connection", listener: (socket: { readonly handshake: { readonly auth: { readonly channel: string } }; join(room: string): void }) => void): void;
  to(room: string): { emit(event: string, data: unknown): void };
}

interface SocketIoModule {
  readonly Server: new (server: Server, options: { readonly transports: readonly string[]; readonly perMessageDeflate: boolean; readonly serveClient: boolean }) => SocketIo;
}

let rooms: readonly string[] = [];
let data: unknown;

async function listen(server: Server): Promise<number> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Listens for sockets, and for control connections. */
async function start(): Promise<{ port: number; controlPort: number }> {
  const { Server } = createRequire(resolve("bench/peers/package.json"))("socket.io") as SocketIoModule;
  const http = createHttpServer();
  const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
  io.on("connection", (socket) => { socket.join(socket.handshake.auth.channel); });
  const control = createServer({ noDelay: true }, (socket) => {
    onControlCommands(socket, (burst, channel) => {
      const room = rooms[channel];
      if (room === undefined) throw new Error(`there is no room ${String(channel)}`);
      for (let message = 0; message < burst; message++) io.to(room).emit("m", data);
    });
  });
  return { port: await listen(http), controlPort: await listen(control) };
}

/** Sets what is emitted, and the rooms by their numbers. */
function prepare({ channels, payload }: { readonly channels: readonly string[]; readonly payload: string }): void {
  rooms = channels;
  data = JSON.parse(payload);
}

/** Collects garbage until nothing more comes of it. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await pause(200);
  }
}

const commands = { start, prepare, settle };
/** What the server can be asked. */
export type SocketIoServerCommands = typeof commands;

serveCommands(commands);
