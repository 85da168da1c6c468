import { WebSocket } from "ws";

/** A place in a channel's history. */
export interface WirePosition {
  readonly offset: number;
  readonly epoch: string;
}

/** A frame of the server, of which the CLI reads these parts (docs/PROTOCOL.md). */
export interface WireFrame {
  readonly id?: number;
  readonly connected?: { readonly user: string };
  readonly subscribed?: { readonly channel: string; readonly position: WirePosition; readonly recovered: boolean; readonly publications?: readonly WirePublication[] };
  readonly unsubscribed?: { readonly channel: string; readonly reason?: string };
  readonly publication?: WirePublication;
  readonly reset?: { readonly channel: string; readonly position: WirePosition; readonly reason: string };
  readonly error?: { readonly code: string; readonly reason: string; readonly message: string };
  readonly ping?: { readonly positions?: Readonly<Record<string, WirePosition>> };
  readonly disconnect?: { readonly code: number; readonly reason: string; readonly reconnect?: boolean; readonly afterMs?: number };
}

/** A publication as it came. */
export interface WirePublication {
  readonly channel: string;
  readonly offset: number;
  readonly [member: string]: unknown;
}

/** How a connection ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** One WebSocket to a connector, in the JSON subprotocol. */
export class FrameSocket {
  readonly #socket: WebSocket;
  /** Resolves when the connection is over. */
  readonly ended: Promise<Ending>;

  private constructor(socket: WebSocket, onFrame: (frame: WireFrame) => void) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString("utf8").split("\n")) if (line !== "") onFrame(JSON.parse(line) as WireFrame);
    });
    this.ended = new Promise((resolve) => {
      socket.once("close", (code, reason) => { resolve({ code, reason: reason.toString("utf8") }); });
    });
  }

  /** Connects. Throws a sentence when nothing answers or the answer is no WebSocket. */
  static open(url: string, onFrame: (frame: WireFrame) => void): Promise<FrameSocket> {
    const socket = new WebSocket(url, "halley.v1.json", { perMessageDeflate: false });
    const opened = new FrameSocket(socket, onFrame);
    return new Promise((resolve, reject) => {
      socket.once("open", () => { resolve(opened); });
      socket.on("error", (error: Error & { readonly code?: string }) => {
        const why = error.message || error.code || "no reason given";
        reject(new Error(`${url} can't be connected to (${why}): start a connector (make run), or name another --url`, { cause: error }));
      });
    });
  }

  /** Sends a frame; what is sent after the end is dropped. */
  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.close(1000);
  }
}
