import { WebSocket } from "ws";
import { signToken } from "./installation.js";

/** A frame as parsed from JSON: one key beside `id`. */
export type Frame = Record<string, unknown> & { readonly id?: number };

/** A publication as clients see it. */
export interface ReceivedPublication {
  readonly channel: string;
  readonly offset: number;
  readonly type?: string;
  readonly data: unknown;
  readonly sender?: string;
  readonly time?: string;
  readonly tags?: Record<string, string>;
}

/** A position. */
export interface TestPosition {
  readonly offset: number;
  readonly epoch: string;
}

/** The body of `subscribed`. */
export interface TestSubscribed {
  readonly channel: string;
  readonly position: TestPosition;
  readonly recovered: boolean;
  readonly publications: readonly ReceivedPublication[];
}

/** A raw JSON WebSocket client with a queue of frames, so that none is missed. */
export class WsClient {
  readonly socket: WebSocket;
  /** Every frame that came, in order. */
  readonly frames: Frame[] = [];
  #waiters: { matches: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = [];
  #nextId = 1;
  #closed: { code: number; reason: string } | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString("utf8").split("\n")) this.#onFrame(JSON.parse(line) as Frame);
    });
    socket.on("close", (code, reason) => { this.#closed = { code, reason: reason.toString("utf8") }; });
    socket.on("error", () => undefined);
  }

  /** Opens a socket, without signing in. */
  static async open(port: number, headers: Record<string, string> = {}): Promise<WsClient> {
    const client = new WsClient(new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, ["halley.v1.json"], { headers }));
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", resolve);
      client.socket.once("error", reject);
    });
    return client;
  }

  /** Opens a socket and signs a user in; gives the client and the `connected` body. */
  static async connect(port: number, user: string, more: object = {}): Promise<{ client: WsClient; connected: { session: string; user: string; subscriptions: Record<string, TestSubscribed> } }> {
    const client = await WsClient.open(port);
    const answer = await client.ask({ connect: { token: await signToken(user), ...more } });
    if (!answer["connected"]) throw new Error(`not connected: ${JSON.stringify(answer)}`);
    return { client, connected: answer["connected"] as never };
  }

  /** Sends a frame as it is. */
  send(frame: object | string): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Sends a frame with a fresh id and waits for its answer. */
  async ask(frame: object): Promise<Frame> {
    const id = this.#nextId++;
    const answer = this.next((received) => received.id === id);
    this.send({ id, ...frame });
    return answer;
  }

  /** Subscribes; throws when refused. */
  async subscribe(channel: string, position?: TestPosition): Promise<TestSubscribed> {
    const answer = await this.ask({ subscribe: position ? { channel, position } : { channel } });
    if (!answer["subscribed"]) throw new Error(`not subscribed: ${JSON.stringify(answer)}`);
    return answer["subscribed"] as TestSubscribed;
  }

  /** The first frame, also of those that came already, that matches. */
  next(matches: (frame: Frame) => boolean, limitMs = 10_000): Promise<Frame> {
    const found = this.frames.find(matches);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => { reject(new Error(`no such frame among ${JSON.stringify(this.frames.slice(-5))}`)); }, limitMs);
      this.#waiters.push({
        matches,
        resolve: (frame) => {
          clearTimeout(timeout);
          resolve(frame);
        },
      });
    });
  }

  /** The publications of a channel that came as frames of their own. */
  publications(channel: string): ReceivedPublication[] {
    return this.frames.flatMap(({ publication }) => ((publication as ReceivedPublication | undefined)?.channel === channel ? [publication as ReceivedPublication] : []));
  }

  /** Waits for the close; gives its code. */
  async closed(): Promise<{ code: number; reason: string }> {
    if (!this.#closed) await new Promise((resolve) => this.socket.once("close", resolve));
    return this.#closed ?? { code: 0, reason: "" };
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.terminate();
  }

  #onFrame(frame: Frame): void {
    this.frames.push(frame);
    if (frame["ping"]) this.send({ pong: {} });
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.matches(frame)) return true;
      waiter.resolve(frame);
      return false;
    });
  }
}
