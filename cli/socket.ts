import { WebSocket } from "ws";
import { readFrames, type WireFrame } from "./wireFrame.js";

/** Past this a server that does not answer the opening or the closing is left, in milliseconds. */
const OPEN_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 1_000;

/** How a connection ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** What the owner of a connection is told. */
export interface SocketEvents {
  readonly onFrame: (frame: WireFrame) => void;
  /** Something came that is no frame. */
  readonly onNonsense: () => void;
}

/** One WebSocket to a connector, in the JSON subprotocol. */
export class FrameSocket {
  readonly #socket: WebSocket;
  #silence: NodeJS.Timeout | undefined;
  /** Resolves when it is open. Rejects with a sentence when nothing answers or the answer is no WebSocket. */
  readonly opened: Promise<void>;
  /** Resolves when the connection is over, or could not be made. */
  readonly ended: Promise<Ending>;

  constructor(url: string, { onFrame, onNonsense }: SocketEvents) {
    const socket = new WebSocket(url, "halley.v1.json", { perMessageDeflate: false, handshakeTimeout: OPEN_LIMIT_MS });
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const frames = readFrames(data.toString("utf8"));
      if (!frames) onNonsense();
      for (const frame of frames ?? []) onFrame(frame);
    });
    for (const sign of ["message", "ping", "pong"] as const) socket.on(sign, () => this.#silence?.refresh());
    this.opened = new Promise((resolve, reject) => {
      socket.once("open", () => { resolve(); });
      socket.on("error", (error: Error & { readonly code?: string }) => {
        const why = error.message || error.code || "no reason given";
        reject(new Error(`${url} can't be connected to (${why}): start a connector (make run), or name another --url`, { cause: error }));
      });
    });
    this.ended = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        clearTimeout(this.#silence);
        resolve({ code, reason: reason.toString("utf8") });
      });
    });
  }

  /** Ends the connection when nothing comes for so long. */
  limitSilence(limitMs: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => { this.#socket.terminate(); }, limitMs);
  }

  /** Sends a frame; what is sent after the end is dropped. */
  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the connection, within a second. */
  close(): void {
    const timer = setTimeout(() => { this.#socket.terminate(); }, CLOSE_LIMIT_MS);
    void this.ended.then(() => { clearTimeout(timer); });
    this.#socket.close(1000);
  }
}
