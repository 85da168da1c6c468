import { type ClientFrame, type ServerFrame } from "./frames.js";
import { type Link, type LinkEvents, type Transport } from "./transport.js";

const SUBPROTOCOL = "halley.v1.json";
/** Frames of one turn travel in messages of about this many characters, well below the connector's limit. */
const MESSAGE_CHARACTERS = 32 * 1_024;
/** The connector takes the session for over. */
const GOODBYE = 1000;
/** Any other end leaves it its time to come back. Browsers let a page choose from 1000 and 3000 to 4999 only; those below 4000 are Halley's own. */
const COMING_BACK = 4000;

/** WebSocket with JSON frames, several per message, separated by newlines. `base` is http(s)://host[/path]. */
export function webSocketTransport(base: string): Transport {
  const url = `${base.replace(/^http/, "ws")}/v1/websocket`;
  return { name: "websocket", open: (events) => new WebSocketLink(url, events) };
}

class WebSocketLink implements Link {
  readonly #socket: WebSocket;
  readonly #events: LinkEvents;
  /** Texts of frames that wait for the end of this turn, or for the socket to open. */
  #waiting: string[] = [];
  #closed = false;

  constructor(url: string, events: LinkEvents) {
    this.#events = events;
    this.#socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = (message: MessageEvent<unknown>) => this.#received(message.data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  send(frame: ClientFrame): void {
    this.#waiting.push(JSON.stringify(frame));
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
  }

  close(goodbye: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(goodbye ? GOODBYE : COMING_BACK);
  }

  #opened(): void {
    this.#events.onOpen();
    this.#flush();
  }

  #flush(): void {
    if (this.#closed || this.#socket.readyState !== WebSocket.OPEN) return;
    const texts = this.#waiting;
    this.#waiting = [];
    let message = "";
    for (const text of texts) {
      if (message !== "" && message.length + text.length > MESSAGE_CHARACTERS) {
        this.#socket.send(message);
        message = "";
      }
      message += message === "" ? text : `\n${text}`;
    }
    if (message !== "") this.#socket.send(message);
  }

  #received(data: unknown): void {
    this.#events.onAlive();
    const frames = parseFrames(data);
    if (!frames) {
      this.#end(0, "the connector sent something that is no frame");
      return;
    }
    for (const frame of frames) {
      // A callback of the app may have closed the link.
      if (this.#closed) return;
      this.#events.onFrame(frame);
    }
  }

  #end(code: number, reason: string): void {
    if (this.#closed) return;
    this.close(false);
    this.#events.onEnd({ code, reason });
  }
}

function parseFrames(data: unknown): ServerFrame[] | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return data
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ServerFrame);
  } catch {
    return undefined;
  }
}
