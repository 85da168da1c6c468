import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A link to a server that can stand still: nothing is lost, nothing arrives, nobody is told. */
export interface FrozenLink {
  readonly port: number;
  freeze(): void;
  /** What was sent meanwhile arrives now. */
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts a link to a port of loopback, on a free port of loopback. The caller stops it. */
export async function startFrozenLink(target: number): Promise<FrozenLink> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((near) => {
    const far = keep(connect(target, "127.0.0.1"));
    keep(near).pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => { for (const socket of sockets) socket.pause(); },
    thaw: () => { for (const socket of sockets) socket.resume(); },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
