import { WebSocket } from "ws";

/**
 * A WebSocket that says `closing`, with the code, as soon as a close frame has been written for whatever reason: the client's
 * own, or something wrong with what it sent. `ws` itself tells only when the socket is closed, which a client can put off.
 * Nothing may be written behind a close frame (RFC 6455, 5.5.1).
 */
export class ClosingWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason);
    this.emit("closing", code);
  }
}
