import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer as WsServer } from "ws";
import { chooseCodec } from "../protocol/codec.js";
import type { SessionServices } from "../session/session.js";
import { ClosingWebSocket } from "./closingWebSocket.js";
import { ConnectionSet } from "./connectionSet.js";
import type { Flusher } from "./flusher.js";
import { type ConnectionParts, WebSocketConnection } from "./webSocketConnection.js";

/** What the server needs. */
interface ServerParts {
  readonly services: SessionServices;
  readonly flusher: Flusher;
  /** Told how many publications were queued for a client. */
  readonly onDelivered: (publications: number) => void;
}

/** All WebSockets of a connector. */
export class WebSocketServer {
  readonly #parts: ServerParts;
  readonly #shared: ConnectionParts;
  readonly #connections: ConnectionSet<WebSocketConnection>;
  readonly #ws: WsServer;

  constructor(parts: ServerParts) {
    const { limits, clock, log } = parts.services;
    this.#parts = parts;
    this.#connections = new ConnectionSet(clock, log);
    this.#shared = { ...parts, onEnd: (ended) => { this.#connections.delete(ended); }, onChange: (changed) => { this.#connections.soon(changed); } };
    this.#ws = new WsServer({
      noServer: true,
      clientTracking: false,
      WebSocket: ClosingWebSocket,
      // Memory, and its writes are asynchronous: they would overtake ours.
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      handleProtocols: (offered) => (offered.has(chooseCodec(offered).subprotocol) ? chooseCodec(offered).subprotocol : false),
    });
  }

  /** How many are open, or closing. */
  get size(): number {
    return this.#connections.size;
  }

  /** What waits for all clients, in bytes; what is shared counts for each. */
  get queuedBytes(): number {
    let sum = 0;
    for (const connection of this.#connections) sum += connection.queuedBytes;
    return sum;
  }

  /** Takes over a socket that asks to be upgraded. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#ws.handleUpgrade(request, socket, head, (webSocket) => {
      if (!(webSocket instanceof ClosingWebSocket)) throw new TypeError("ws made another WebSocket than it was told to");
      const codec = chooseCodec([webSocket.protocol]);
      this.#connections.add(new WebSocketConnection({ webSocket, socket, codec }, this.#shared));
    });
  }

  /** Sends all clients away, spread over `windowMs`; resolves when the last has been told. */
  async drain(windowMs: number): Promise<void> {
    const { clock } = this.#parts.services;
    const connections = [...this.#connections];
    await Promise.all(
      connections.map(
        (connection) =>
          new Promise<void>((resolve) => {
            clock.after(Math.random() * windowMs, () => {
              connection.drain(Math.round(Math.random() * COME_BACK_MS));
              resolve();
            });
          }),
      ),
    );
  }

  /** Ends what is left. */
  stop(): void {
    this.#connections.stop();
    for (const connection of this.#connections) connection.terminate();
    this.#ws.close();
  }
}

/** Clients that are sent away together come back within this time, each at its own moment. */
const COME_BACK_MS = 2_000;
