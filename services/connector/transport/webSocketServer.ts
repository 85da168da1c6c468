import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer as WsServer } from "ws";
import type { Timer } from "../../../lib/clock.js";
import { chooseCodec } from "../protocol/codec.js";
import type { SessionServices } from "../session/session.js";
import { ClosingWebSocket } from "./closingWebSocket.js";
import type { Flusher } from "./flusher.js";
import { type ConnectionParts, WebSocketConnection } from "./webSocketConnection.js";

/** What the server needs. */
interface ServerParts {
  readonly services: SessionServices;
  readonly flusher: Flusher;
  /** Told how many publications were queued for a client. */
  readonly onDelivered: (publications: number) => void;
}

const TICK_MS = 1_000;
/** A tick that comes so late says that this process was frozen, or busy. */
const LATE_MS = 1_000;

/** All WebSockets of a connector. */
export class WebSocketServer {
  readonly #parts: ServerParts;
  readonly #shared: ConnectionParts;
  readonly #connections = new Set<WebSocketConnection>();
  readonly #ws: WsServer;
  readonly #timer: Timer;

  constructor(parts: ServerParts) {
    const { limits, clock } = parts.services;
    this.#parts = parts;
    this.#shared = { ...parts, onEnd: (ended) => { this.#connections.delete(ended); } };
    this.#ws = new WsServer({
      noServer: true,
      clientTracking: false,
      WebSocket: ClosingWebSocket,
      // Memory, and its writes are asynchronous: they would overtake ours.
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      handleProtocols: (offered) => (offered.has(chooseCodec(offered).subprotocol) ? chooseCodec(offered).subprotocol : false),
    });
    let dueAtMs = clock.monotonicMs() + TICK_MS;
    let hasLeftOut = false;
    this.#timer = clock.every(TICK_MS, () => {
      const nowMs = clock.monotonicMs();
      const lateMs = nowMs - dueAtMs;
      dueAtMs = nowMs + TICK_MS;
      // What clients sent meanwhile waits in their sockets: it is read before they are judged by the time, which was ours to lose.
      hasLeftOut = lateMs > LATE_MS && !hasLeftOut;
      for (const connection of this.#connections) {
        if (hasLeftOut) connection.forgive(lateMs);
        else connection.tick();
      }
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
    this.#timer.cancel();
    for (const connection of this.#connections) connection.terminate();
    this.#ws.close();
  }
}

/** Clients that are sent away together come back within this time, each at its own moment. */
const COME_BACK_MS = 2_000;
