import { once } from "node:events";
import { WebSocket } from "ws";
import { signToken } from "../../test/helpers/installation.js";

/** What to listen to. */
export interface ListenerOptions {
  readonly port: number;
  readonly channels: readonly string[];
  /** Gets every line as it came. */
  readonly onLine: (line: string) => void;
  /** Runs when the connector ends the connection. */
  readonly onClose?: (code: number) => void;
}

/** A WebSocket on a few channels that keeps nothing of what it reads. */
export class Listener {
  readonly #socket: WebSocket;
  #isClosed = false;

  private constructor({ port, onLine, onClose }: ListenerOptions) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, ["halley.v1.json"]);
    this.#socket.on("error", () => undefined);
    this.#socket.on("message", (data: Buffer) => {
      for (const line of data.toString("utf8").split("\n")) {
        if (line.startsWith('{"ping"')) this.#socket.send('{"pong":{}}');
        onLine(line);
      }
    });
    this.#socket.on("close", (code) => { if (!this.#isClosed) onClose?.(code); });
  }

  /** Signs in and asks for the channels; rejects when there is no connection. */
  static async connect(options: ListenerOptions): Promise<Listener> {
    const token = await signToken("listener");
    const listener = new Listener(options);
    await once(listener.#socket, "open");
    const frames = [{ connect: { token } }, ...options.channels.map((channel) => ({ subscribe: { channel } }))];
    listener.#socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
    return listener;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.terminate();
  }
}
