import { connect, createServer, type Socket } from "node:net";
import { type AddressInfo } from "node:net";

/** A proxy between a page and a connector, which can do what bad networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Where new connections go. */
  target: number;
  /** `refuse-upgrades`: a request for WebSocket is dropped; `open-and-die`: WebSockets open, and die before a byte comes back; `refuse`: nobody gets in. */
  mode: "pass" | "refuse-upgrades" | "open-and-die" | "refuse";
  /** WebSockets that were asked for so far. */
  readonly upgrades: number;
  /** Cuts all present connections, as a killed machine does. */
  cut(): void;
  /** Cuts them for the pages only: the connector is told nothing, as when a mobile network forgets a connection. */
  cutUnnoticed(): void;
  stop(): Promise<void>;
}

/** Starts a proxy to a port of loopback, on a free port of loopback. The caller stops it. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const nears = new Set<Socket>();
  const forgotten = new Set<Socket>();
  const state: { target: number; mode: TcpProxy["mode"]; upgrades: number } = { target, mode: "pass", upgrades: 0 };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };

  const server = createServer((near) => {
    keep(near);
    nears.add(near);
    if (state.mode === "refuse") {
      near.destroy();
      return;
    }
    const far = keep(connect(state.target, "127.0.0.1"));
    let isUpgraded = false;
    near.on("data", (chunk: Buffer) => {
      if (/^upgrade: *websocket/im.test(chunk.toString("latin1"))) {
        isUpgraded = true;
        state.upgrades += 1;
        if (state.mode === "refuse-upgrades") near.destroy();
      }
      if (!near.destroyed) far.write(chunk);
    });
    let isAnswered = false;
    far.on("data", (chunk: Buffer) => {
      // The 101 passes, what the connector says over the WebSocket does not.
      if (state.mode === "open-and-die" && isUpgraded && isAnswered) near.destroy();
      else near.write(chunk);
      isAnswered = true;
    });
    near.on("close", () => {
      nears.delete(near);
      if (!forgotten.delete(near)) far.destroy();
    });
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get target() {
      return state.target;
    },
    set target(port) {
      state.target = port;
    },
    get mode() {
      return state.mode;
    },
    set mode(mode) {
      state.mode = mode;
    },
    get upgrades() {
      return state.upgrades;
    },
    cut,
    cutUnnoticed() {
      for (const near of nears) {
        forgotten.add(near);
        near.destroy();
      }
    },
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
