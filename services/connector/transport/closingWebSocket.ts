import type { Duplex } from "node:stream";
import { WebSocket } from "ws";

/** Who hears of what happens to a WebSocket. */
export interface WebSocketOwner {
  onMessage(data: Buffer, isBinary: boolean): void;
  /** A close frame was written, for whatever reason; `code`: the one in it. */
  onClosing(code: number | undefined): void;
  onClosed(): void;
  /** Bytes came, of whatever kind. */
  onBytes(): void;
  /** The other side has ended its half of the socket. */
  onHalfClosed(): void;
}

/** A socket that a WebSocket lives on, and whose it is. */
type OwnedSocket = Duplex & { [OWNER]?: WebSocketOwner };

const OWNER = Symbol("owner");

/**
 * A WebSocket that tells one owner, with listeners that all share: a closure for each event of each connection would be
 * a twentieth of its memory.
 *
 * It tells of `closing` as soon as a close frame has been written for whatever reason: the client's own, or something wrong
 * with what it sent. `ws` itself tells only when the socket is closed, which a client can put off. Nothing may be written
 * behind a close frame (RFC 6455, 5.5.1).
 */
export class ClosingWebSocket extends WebSocket {
  #owner: WebSocketOwner | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason);
    this.#owner?.onClosing(code);
  }

  /** Tells `owner` from now on, of the socket that it lives on as well. To be called once. */
  belongTo(owner: WebSocketOwner, socket: OwnedSocket): void {
    this.#owner = owner;
    this.on("message", onMessage);
    this.on("close", onClosed);
    // What ws finds wrong (not UTF-8, too large, a broken frame) it closes by itself, with the code of the RFC.
    this.on("error", ignore);
    socket[OWNER] = owner;
    socket.on("data", onBytes);
    // Before ws hears of it, which takes an end for the beginning of a close.
    socket.prependListener("end", onHalfClosed);
  }

  /** Who it belongs to. */
  get owner(): WebSocketOwner | undefined {
    return this.#owner;
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  if (this instanceof ClosingWebSocket && Buffer.isBuffer(data)) this.owner?.onMessage(data, isBinary);
}

function onClosed(this: WebSocket): void {
  if (this instanceof ClosingWebSocket) this.owner?.onClosed();
}

function onBytes(this: OwnedSocket): void {
  this[OWNER]?.onBytes();
}

function onHalfClosed(this: OwnedSocket): void {
  this[OWNER]?.onHalfClosed();
}

function ignore(): void {
  // Dealt with elsewhere.
}
