import { connect, type Socket } from "node:net";
import { DIALECTS, type DialectName } from "./dialects/all.js";
import type { Conversation, SignIn, Upgrade } from "./dialects/dialect.js";
import { FrameReader, type OnMessage, pongFrame } from "./frameReader.js";

/** All sockets of the process read into it, one after the other. */
const SHARED = Buffer.allocUnsafe(256 * 1_024);
const HEAD_END = Buffer.from("\r\n\r\n");
const HEAD_LIMIT_BYTES = 16 * 1_024;

/** What a subscriber tells. */
export interface SubscriberHandlers {
  readonly onPublication: OnMessage;
  /** The connection is useless from here on. */
  readonly onFailure: (error: Error) => void;
}

/** Where to. */
export interface Destination {
  readonly port: number;
  readonly dialect: DialectName;
}

/**
 * One subscriber on a raw socket of `net`, without streams and without JSON: it must cost less than what it measures. What its
 * dialect doesn't expect is a failure.
 */
export class Subscriber {
  /** Publications so far. */
  publications = 0;
  /** What the server answered while it signed in. */
  answers: readonly string[] = [];
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #conversation: Conversation;
  readonly #handlers: SubscriberHandlers;
  readonly #opened: Promise<void>;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #onBytes: (length: number) => void;
  #head = Buffer.alloc(0);
  #isClosed = false;

  private constructor({ port, dialect }: Destination, signIn: SignIn, handlers: SubscriberHandlers) {
    this.#handlers = handlers;
    const { onPublication } = handlers;
    const speaker = DIALECTS[dialect];
    this.#conversation = speaker.converse(signIn, {
      publication: (bytes, from, to) => {
        this.publications += 1;
        onPublication(bytes, from, to);
      },
      subscribed: (answers = []) => {
        this.answers = answers;
        this.#settle?.resolve();
        this.#settle = undefined;
      },
      send: (bytes) => { this.#socket.write(bytes); },
    });
    const conversation = this.#conversation;
    this.#reader = new FrameReader(
      (bytes, from, to) => { conversation.hear(bytes, from, to); },
      (bytes, from, to) => { this.#socket.write(pongFrame(bytes.subarray(from, to))); },
    );
    const readFrames = (length: number): void => { this.#reader.read(SHARED, length); };
    const upgrade = speaker.upgrade(signIn);
    this.#onBytes = upgrade ? (length) => { this.#readHead(length, readFrames); } : readFrames;
    this.#opened = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
    this.#socket = dial(port, this.#onRead);
    this.#socket.once("connect", () => {
      if (upgrade) this.#socket.write(requestFor(upgrade, port));
      else this.#conversation.begin();
    });
    this.#socket.on("error", (error) => { this.#fail(error); });
    this.#socket.on("close", () => { this.#fail(new Error("a connection has ended")); });
  }

  /** Connects, signs in and subscribes; resolves when the subscription stands. */
  static async open(destination: Destination, signIn: SignIn, handlers: SubscriberHandlers): Promise<Subscriber> {
    const subscriber = new Subscriber(destination, signIn, handlers);
    await subscriber.#opened;
    return subscriber;
  }

  /** Ends without a failure. */
  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #readHead(length: number, readFrames: (length: number) => void): void {
    this.#head = Buffer.concat([this.#head, SHARED.subarray(0, length)]);
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) {
      if (this.#head.length > HEAD_LIMIT_BYTES) throw new Error("the answer to the upgrade does not end");
      return;
    }
    const text = this.#head.toString("latin1", 0, end);
    if (!text.startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${text.split("\r\n")[0] ?? ""}`);
    const rest = this.#head;
    this.#head = Buffer.alloc(0);
    this.#onBytes = readFrames;
    this.#conversation.begin();
    // Some servers speak before they are asked.
    this.#reader.read(rest, rest.length, end + HEAD_END.length);
  }

  readonly #onRead = (length: number): void => {
    try {
      this.#onBytes(length);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  };

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.close();
    if (this.#settle) this.#settle.reject(error);
    else this.#handlers.onFailure(error);
    this.#settle = undefined;
  }
}

function requestFor({ path, subprotocol }: Upgrade, port: number): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${String(port)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`}\r\n`
  );
}

function dial(port: number, onBytes: (length: number) => void): Socket {
  const onread = {
    buffer: SHARED,
    callback: (length: number): boolean => {
      onBytes(length);
      return true;
    },
  };
  // No source address: to find it a free port, the kernel would search longer than all the rest takes.
  return connect({ host: "127.0.0.1", port, noDelay: true, onread });
}
