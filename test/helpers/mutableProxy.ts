import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy whose far side can be muted: what goes there arrives, what comes back is lost. */
export interface MutableProxy {
  readonly port: number;
  muted: boolean;
  /** Cuts all present connections. */
  cut(): void;
  stop(): Promise<void>;
}

/** Starts a proxy to a port of loopback, on a free port of loopback. The caller stops it. */
export async function startMutableProxy(target: number): Promise<MutableProxy> {
  const sockets = new Set<Socket>();
  const state = { muted: false };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((near) => {
    const far = keep(connect(target, "127.0.0.1"));
    keep(near).on("data", (chunk) => far.write(chunk)).on("close", () => far.destroy());
    far.on("data", (chunk) => { if (!state.muted) near.write(chunk); }).on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => { for (const socket of sockets) socket.destroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    get muted() {
      return state.muted;
    },
    set muted(muted) {
      state.muted = muted;
    },
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
