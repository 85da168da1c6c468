import { connect, type Socket } from "node:net";

/** A client that says its piece and then never hangs up, whatever it is told: its side of the connection stays open. */
export class ClingingClient {
  readonly #socket: Socket;

  /** `isHalfClosed`: it ends what it sends, and goes on to listen. */
  constructor(port: number, says: readonly Buffer[], isHalfClosed = false) {
    this.#socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    this.#socket.on("error", () => undefined);
    this.#socket.resume();
    const all = Buffer.concat(says);
    if (isHalfClosed) this.#socket.end(all);
    else this.#socket.write(all);
  }

  hangUp(): void {
    this.#socket.destroy();
  }
}

/** A request for a WebSocket. */
export function upgradeRequest(path = "/v1/websocket"): Buffer {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: halley.v1.json\r\n\r\n`,
  );
}
