// A process: the cheapest program on Node's `net` that could do a connector's fan-out. It knows no protocol: told to, it
// writes a ready-made buffer to each of its sockets, one write each, the same buffer to all.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { serveCommands } from "../process/commands.js";

const sockets = new Set<Socket>();
const frames = new Map<number, Buffer>();

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ noDelay: true }, onSocket);
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function onReceiver(socket: Socket): void {
  sockets.add(socket);
  socket.on("data", () => undefined);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => sockets.delete(socket));
}

function onControl(socket: Socket): void {
  socket.on("data", (bursts: Buffer) => {
    for (const burst of bursts) flush(burst);
  });
  socket.on("error", () => socket.destroy());
}

function flush(burst: number): void {
  const frame = frames.get(burst);
  if (!frame) throw new Error(`there is no frame of ${String(burst)} messages`);
  for (const socket of sockets) socket.write(frame);
}

/** Listens for receivers, and for the control connection. */
async function start(): Promise<{ port: number; controlPort: number }> {
  return { port: await listen(onReceiver), controlPort: await listen(onControl) };
}

/** Sets what is written for a burst of so many messages, in base64. */
function setFrame({ burst, bytes }: { readonly burst: number; readonly bytes: string }): void {
  frames.set(burst, Buffer.from(bytes, "base64"));
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
