import { connect, type Socket } from "node:net";
import { clientFrame, FrameReader, type OnMessage } from "./frameReader.js";

/** Who signs in, and what is subscribed. */
export interface SignIn {
  readonly token: string;
  readonly channel: string;
}

/** All sockets of the process read into it, one after the other. */
const SHARED = Buffer.allocUnsafe(256 * 1_024);
const PONG = clientFrame('{"pong":{}}');
const HEAD_END = Buffer.from("\r\n\r\n");
/** The fourth byte tells the frames apart that come by themselves: {"publication", {"ping". */
const KIND_AT = 3;
const PUBLICATION = 0x75;
const PING = 0x69;

/**
 * One subscriber on a raw socket of `net`, without streams and without JSON: it must cost less than what it measures. What is
 * neither a publication nor a ping is a failure.
 */
export class Subscriber {
  /** Publications so far. */
  publications = 0;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #onPublication: OnMessage;
  readonly #onFailure: (error: Error) => void;
  #onBytes: (length: number) => void;

  private constructor(socket: Socket, read: { onBytes: (length: number) => void }, handlers: SubscriberHandlers) {
    this.#socket = socket;
    this.#onPublication = handlers.onPublication;
    this.#onFailure = handlers.onFailure;
    this.#onBytes = this.#readFrames;
    read.onBytes = (length) => { this.#onBytes(length); };
    socket.on("close", () => { this.#fail(new Error("a connection has ended")); });
  }

  /** Connects to a floor, which sends frames without being asked. */
  static async openRaw(port: number, handlers: SubscriberHandlers): Promise<Subscriber> {
    const read = { onBytes: (): void => undefined };
    return new Subscriber(await dial(port, read), read, handlers);
  }

  /** Connects to a connector, signs in and subscribes; resolves when both are answered. */
  static async open(port: number, signIn: SignIn, handlers: SubscriberHandlers): Promise<Subscriber> {
    const read = { onBytes: (): void => undefined };
    const socket = await dial(port, read);
    const subscriber = new Subscriber(socket, read, handlers);
    await subscriber.#upgrade(port);
    await subscriber.#signIn(signIn);
    return subscriber;
  }

  /** Ends without a failure. */
  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  async #upgrade(port: number): Promise<void> {
    this.#socket.write(
      `GET /v1/websocket HTTP/1.1\r\nHost: 127.0.0.1:${String(port)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: halley.v1.json\r\n\r\n",
    );
    let head = Buffer.alloc(0);
    await this.#until((length, done) => {
      head = Buffer.concat([head, SHARED.subarray(0, length)]);
      const end = head.indexOf(HEAD_END);
      if (end === -1) return;
      if (!head.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${head.toString("latin1").split("\r\n")[0] ?? ""}`);
      if (end + HEAD_END.length !== head.length) throw new Error("the server speaks before it is asked");
      done();
    });
  }

  async #signIn({ token, channel }: SignIn): Promise<void> {
    // Both at once, as a client does that comes back.
    this.#socket.write(clientFrame(`{"id":1,"connect":{"token":"${token}"}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`));
    const answers: string[] = [];
    await this.#until((length, done) => {
      this.#reader.read(SHARED, length, (bytes, from, to) => {
        const text = bytes.toString("utf8", from, to);
        answers.push(text);
        if (text.includes('"error":')) throw new Error(`refused: ${text}`);
        if (text.startsWith('{"id":2,"subscribed"')) done();
      });
    });
    if (!answers[0]?.startsWith('{"id":1,"connected"')) throw new Error(`not connected: ${answers.join(" ")}`);
  }

  /** Gives what is read to `onBytes` until it says that it is done. */
  #until(onBytes: (length: number, done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const onClose = (): void => { reject(new Error("the server closed the connection")); };
      const done = (): void => {
        this.#onBytes = this.#readFrames;
        this.#socket.off("close", onClose);
        resolve();
      };
      this.#socket.once("close", onClose);
      this.#onBytes = (length) => {
        try {
          onBytes(length, done);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
    });
  }

  readonly #readFrames = (length: number): void => {
    try {
      this.#reader.read(SHARED, length, this.#onMessage);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  };

  readonly #onMessage: OnMessage = (bytes, from, to) => {
    const kind = bytes[from + KIND_AT];
    if (kind === PUBLICATION) {
      this.publications += 1;
      this.#onPublication(bytes, from, to);
    } else if (kind === PING) {
      this.#socket.write(PONG);
    } else {
      throw new Error(`unexpected: ${bytes.toString("utf8", from, Math.min(to, from + 500))}`);
    }
  };

  #fail(error: Error): void {
    this.close();
    this.#onFailure(error);
  }
}

/** What a subscriber tells. */
export interface SubscriberHandlers {
  readonly onPublication: OnMessage;
  /** The connection is useless from here on. */
  readonly onFailure: (error: Error) => void;
}

function dial(port: number, read: { onBytes: (length: number) => void }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onread = {
      buffer: SHARED,
      callback: (length: number): boolean => {
        read.onBytes(length);
        return true;
      },
    };
    // No source address: to find it a free port, the kernel would search longer than all the rest takes.
    const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => socket.destroy());
      resolve(socket);
    });
  });
}
