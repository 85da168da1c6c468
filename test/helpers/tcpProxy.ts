import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type LineFaults, TcpFlow } from "./tcpFlow.js";

/** A proxy between a page and a connector, which can do what bad networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Where new connections go. */
  target: number;
  /** `refuse-upgrades`: a request for WebSocket is dropped; `open-and-die`: WebSockets open, and die before a byte comes back; `refuse`: nobody gets in. */
  mode: "pass" | "refuse-upgrades" | "open-and-die" | "refuse";
  /** What happens to bytes, each way; nothing at first. */
  readonly faults: LineFaults;
  /** WebSockets that were asked for so far. */
  readonly upgrades: number;
  /** Cuts all present connections, as a killed machine does. */
  cut(): void;
  /** Cuts them for the pages only: the connector is told nothing, as when a mobile network forgets a connection. */
  cutUnnoticed(): void;
  /** Swallows everything on all present connections, their ends too: neither side is told anything any more. */
  blackHole(): void;
  stop(): Promise<void>;
}

/** One connection through the proxy: `near` is the page's side. */
class Line {
  readonly near: Socket;
  readonly far: Socket;
  /** Nothing passes any more, and neither side learns of the other's end. */
  isBlack = false;
  /** The connector doesn't learn that the page is gone. */
  isForgotten = false;

  constructor(near: Socket, far: Socket) {
    this.near = near;
    this.far = far;
  }
}

/** Starts a proxy to a port of loopback, on a free port of loopback. The caller stops it. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const lines = new Set<Line>();
  const faults: LineFaults = { delayMs: 0, bytesPerSecond: 0, isChopped: false };
  const state: { target: number; mode: TcpProxy["mode"]; upgrades: number } = { target, mode: "pass", upgrades: 0 };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.setNoDelay(true).on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };

  const server = createServer((near) => {
    keep(near);
    if (state.mode === "refuse") {
      near.destroy();
      return;
    }
    const far = keep(connect(state.target, "127.0.0.1"));
    const line = new Line(near, far);
    lines.add(line);
    const [up, down] = [new TcpFlow(near, far, faults), new TcpFlow(far, near, faults)];
    let isUpgraded = false;
    near.on("data", (chunk: Buffer) => {
      if (/^upgrade: *websocket/im.test(chunk.toString("latin1"))) {
        isUpgraded = true;
        state.upgrades += 1;
        if (state.mode === "refuse-upgrades") near.destroy();
      }
      if (!near.destroyed && !line.isBlack) up.send(chunk);
    });
    let isAnswered = false;
    far.on("data", (chunk: Buffer) => {
      // The 101 passes, what the connector says over the WebSocket does not.
      if (state.mode === "open-and-die" && isUpgraded && isAnswered) near.destroy();
      else if (!line.isBlack) down.send(chunk);
      isAnswered = true;
    });
    near.on("close", () => {
      if (!line.isForgotten && !line.isBlack) up.end(() => far.destroy());
    });
    far.on("close", () => {
      lines.delete(line);
      if (!line.isBlack) down.end(() => near.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    faults,
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
      for (const line of lines) {
        line.isForgotten = true;
        line.near.destroy();
      }
    },
    blackHole() {
      for (const line of lines) line.isBlack = true;
    },
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
