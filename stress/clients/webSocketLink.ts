import { WebSocket } from "ws";
import type { Position, ServerFrame } from "./protocol.js";
import type { ClientState } from "./state.js";

/** What a connection is made with. */
export interface LinkOptions {
  readonly state: ClientState;
  readonly token: string;
  readonly port: number;
  readonly inbox: string;
  /** Taken for dead when it is silent for so long. */
  readonly quietMs?: number;
  /** Told of what the connector asks for: not before so many milliseconds. */
  readonly onAfter: (afterMs: number) => void;
}

const QUIET_MS = 40_000;
const SIGN_IN_ID = 1;

/** One WebSocket of a client: subscribes all its channels from their positions, reads until it ends. */
export class WebSocketLink {
  readonly #options: LinkOptions;
  readonly #socket: WebSocket;
  /** By id, the channel of a subscribe frame and the position that it brought. */
  readonly #asked = new Map<number, string>();
  readonly #brought: Map<string, Position>;
  readonly #waiting = new Map<number, (frame: ServerFrame) => void>();
  readonly ended: Promise<void>;
  #nextId = SIGN_IN_ID + 1;
  #hasOpened = false;
  #isAbandoned = false;
  #quiet: NodeJS.Timeout | undefined;
  /** The code of the disconnect frame that came. */
  #announced: number | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#brought = new Map(options.state.positions);
    this.#socket = new WebSocket(`ws://127.0.0.1:${String(options.port)}/v1/websocket`, ["halley.v1.json"], { handshakeTimeout: 10_000 });
    this.#socket.on("open", () => {
      this.#hasOpened = true;
      this.#signIn();
    });
    this.#socket.on("message", (data: Buffer) => { this.#onMessage(data.toString("utf8")); });
    this.#socket.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.#socket.on("close", (code) => {
        clearTimeout(this.#quiet);
        if (this.#hasOpened) this.#onClosed(code);
        for (const settle of this.#waiting.values()) settle({ error: { code: "UNAVAILABLE", reason: "CONNECTION_LOST", message: "the connection was lost", retryable: true } });
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Reads nothing until `read` is called with true. */
  read(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Sends a frame; resolves with its answer, or with CONNECTION_LOST. */
  ask(frame: object): Promise<ServerFrame> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ id, ...frame }));
      else this.#settle(id, { error: { code: "UNAVAILABLE", reason: "CONNECTION_LOST", message: "not open", retryable: true } });
    });
  }

  /** Subscribes a channel from where the client is, where the connection is open. */
  subscribe(channel: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const position = this.#options.state.positions.get(channel);
    if (position) this.#brought.set(channel, position);
    const id = this.#nextId++;
    this.#asked.set(id, channel);
    this.#socket.send(JSON.stringify({ id, subscribe: { channel, ...(position ? { position } : {}) } }));
  }

  /** Hands on nothing more; the connection stays open until somebody closes it. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  cut(): void {
    this.#socket.terminate();
  }

  close(): void {
    this.#socket.close(1000);
  }

  /** Halley's own codes are announced by a frame that says what to do now. */
  #onClosed(code: number): void {
    const { closeCodes, closeFaults } = this.#options.state;
    closeCodes.push(code);
    if (code >= 3000 && code !== this.#announced && !this.#isAbandoned) closeFaults.push(`was closed with ${String(code)} after a disconnect frame with ${String(this.#announced)}`);
  }

  #signIn(): void {
    const { state, token, inbox } = this.#options;
    const own = ["all", inbox];
    const positions = Object.fromEntries([...this.#brought].filter(([channel]) => own.includes(channel)));
    const frames: object[] = [{ id: SIGN_IN_ID, connect: { token, ...(state.session === undefined ? {} : { session: state.session }), positions } }];
    for (const channel of state.records.keys()) {
      if (own.includes(channel)) continue;
      const id = this.#nextId++;
      this.#asked.set(id, channel);
      const position = this.#brought.get(channel);
      frames.push({ id, subscribe: { channel, ...(position ? { position } : {}) } });
    }
    this.#socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
    this.#heard();
  }

  #onMessage(text: string): void {
    this.#heard();
    if (this.#isAbandoned) return;
    for (const line of text.split("\n")) this.#onFrame(JSON.parse(line) as ServerFrame);
  }

  #onFrame(frame: ServerFrame): void {
    const { state, onAfter } = this.#options;
    const { id, connected, subscribed, error, disconnect, ping } = frame;
    if (connected) {
      state.session = connected.session;
      state.came();
      for (const [channel, body] of Object.entries(connected.subscriptions ?? {})) state.subscribed(channel, body, this.#brought.get(channel));
    } else if (id !== undefined && this.#asked.has(id)) this.#onSubscribed(this.#asked.get(id) ?? "", subscribed, error);
    else if (id !== undefined && this.#settle(id, frame)) return;
    else if (error) state.errors.push(error.reason);
    else if (disconnect) {
      this.#announced = disconnect.code;
      onAfter(disconnect.afterMs ?? 0);
    }
    else state.take(frame);
    if (ping) this.#socket.send('{"pong":{}}');
  }

  #onSubscribed(channel: string, subscribed: ServerFrame["subscribed"], error: ServerFrame["error"]): void {
    const { state } = this.#options;
    if (subscribed) state.subscribed(channel, subscribed, this.#brought.get(channel));
    else {
      state.errors.push(error?.reason ?? "no reason");
      // Asked again on a new connection, of the same session: no goodbye.
      this.cut();
    }
  }

  #settle(id: number, frame: ServerFrame): boolean {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(frame);
    return settle !== undefined;
  }

  /** A connector that is silent for longer than its pings is taken for dead. */
  #heard(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => { this.#socket.terminate(); }, this.#options.quietMs ?? QUIET_MS);
  }
}
