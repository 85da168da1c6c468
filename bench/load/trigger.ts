import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Makes a server deliver: one write of ready-made bytes. */
export interface Trigger {
  /** Has `burst` messages delivered to every subscriber. */
  fire(burst: number): void;
  close(): void;
}

/** Publishes straight onto NATS, by its protocol on a raw socket. Dead when the server refuses anything. */
export async function natsTrigger(url: string, subject: string, payload: Buffer): Promise<Trigger> {
  const { port, hostname } = new URL(url);
  const socket = await dial(Number(port), hostname);
  const message = Buffer.concat([Buffer.from(`PUB ${subject} ${String(payload.length)}\r\n`), payload, Buffer.from("\r\n")]);
  socket.on("data", (chunk: Buffer) => {
    const text = chunk.toString("latin1");
    if (text.includes("PING\r\n")) socket.write("PONG\r\n");
    if (text.includes("-ERR")) socket.destroy(new Error(text));
  });
  socket.write('CONNECT {"verbose":false,"pedantic":false,"name":"halley-bench"}\r\n');
  const bursts = new Map<number, Buffer>();
  return {
    fire(burst) {
      const bytes = bursts.get(burst) ?? Buffer.concat(Array.from({ length: burst }, () => message));
      bursts.set(burst, bytes);
      socket.write(bytes);
    },
    close: () => socket.destroy(),
  };
}

/** Tells a floor to write, by its control socket: a byte for each flush, which says how many messages it holds. */
export async function floorTrigger(port: number): Promise<Trigger> {
  const socket = await dial(port, "127.0.0.1");
  return { fire: (burst) => socket.write(Uint8Array.of(burst)), close: () => socket.destroy() };
}

async function dial(port: number, host: string): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true });
  await once(socket, "connect");
  socket.on("error", (error) => { process.stderr.write(`bench: ${error.message}\n`); });
  return socket;
}
