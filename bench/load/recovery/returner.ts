import { connect, type Socket } from "node:net";
import { clientFrame, eachLine, FrameReader } from "../frameReader.js";
import type { Verifier } from "./verifier.js";

/** Who comes back, with what they bring. */
export interface ReturnerOptions {
  readonly port: number;
  readonly channel: string;
  /** The first two frames, connect and subscribe. */
  readonly frames: Buffer;
  readonly verifier: Verifier;
}

/** What became of one connection of a client. */
export type Outcome = "recovered" | "lost";

/** All sockets of the process read into it, one after the other. */
const SHARED = Buffer.allocUnsafe(256 * 1_024);
const PONG = clientFrame('{"pong":{}}');
const HEAD_END = Buffer.from("\r\n\r\n");
const CONNECTED = '{"id":1,"connected"';
const SUBSCRIBED = '{"id":2,"subscribed"';
const PUBLICATION = '{"publication"';
const PING = '{"ping"';
const NOT_RECOVERED = Buffer.from('"recovered":false');

/** One connection of a client that has been away: dials, signs in, subscribes with its positions, and checks what it gets. */
export class Returner {
  readonly #options: ReturnerOptions;
  readonly #socket: Socket;
  readonly #reader = new FrameReader((bytes, from, to) => { eachLine(bytes, from, to, (line, start, end) => { this.#onMessage(line, start, end); }); });
  readonly #settle: (outcome: Outcome | Error) => void;
  #head: Buffer | undefined = Buffer.alloc(0);
  #isConnected = false;
  /** Offsets that are still to come; undefined before the answer. */
  #missing: readonly number[] | undefined;

  private constructor(options: ReturnerOptions, handlers: { readonly onDialed: () => void; readonly settle: (outcome: Outcome | Error) => void }) {
    this.#options = options;
    this.#settle = handlers.settle;
    const onread = {
      buffer: SHARED,
      callback: (length: number): boolean => {
        this.#onBytes(length);
        return true;
      },
    };
    this.#socket = connect({ host: "127.0.0.1", port: options.port, noDelay: true, onread });
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => {
      handlers.onDialed();
      handlers.settle("lost");
    });
    this.#socket.once("connect", () => {
      handlers.onDialed();
      this.#socket.write(
        `GET /v1/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: halley.v1.json\r\n\r\n",
      );
    });
  }

  /**
   * Resolves when the client has all that it missed, or with `lost` when the connection ended before. Rejects when what came is not what was
   * missed. `onDialed`: TCP has answered.
   */
  static come(options: ReturnerOptions, onDialed: () => void): { readonly returner: Returner; readonly outcome: Promise<Outcome> } {
    let settle: (outcome: Outcome | Error) => void = () => undefined;
    const outcome = new Promise<Outcome>((resolve, reject) => {
      settle = (value) => {
        if (value instanceof Error) reject(value);
        else resolve(value);
      };
    });
    return { returner: new Returner(options, { onDialed, settle: (value) => { settle(value); } }), outcome };
  }

  /** Goes away again. */
  close(): void {
    this.#socket.destroy();
  }

  #onBytes(length: number): void {
    try {
      if (this.#head) this.#onHead(this.#head, length);
      else this.#reader.read(SHARED, length);
    } catch (error) {
      this.#settle(error instanceof Error ? error : new Error(String(error)));
      this.#socket.destroy();
    }
  }

  #onHead(before: Buffer, length: number): void {
    const head = Buffer.concat([before, SHARED.subarray(0, length)]);
    this.#head = head;
    if (!head.includes(HEAD_END)) return;
    // Refused: full, or still starting. It comes again.
    if (head.toString("latin1", 0, 13) !== "HTTP/1.1 101 ") {
      this.#socket.destroy();
      return;
    }
    this.#head = undefined;
    this.#socket.write(this.#options.frames);
  }

  #onMessage(bytes: Buffer, from: number, to: number): void {
    const start = bytes.toString("latin1", from, Math.min(to, from + SUBSCRIBED.length));
    if (start.startsWith(CONNECTED)) {
      if (bytes.subarray(from, to).includes(NOT_RECOVERED)) throw new Error(`an inbox or all was not recovered: ${bytes.toString("utf8", from, to)}`);
      this.#isConnected = true;
    } else if (start.startsWith(SUBSCRIBED)) {
      this.#missing = this.#options.verifier.take(this.#options.channel, bytes, from, to);
    } else if (start.startsWith(PUBLICATION)) {
      this.#onPublication(bytes.toString("utf8", from, to));
    } else if (start.startsWith(PING)) {
      this.#socket.write(PONG);
    } else {
      throw new Error(`unexpected: ${bytes.toString("utf8", from, Math.min(to, from + 500))}`);
    }
    if (this.#isConnected && this.#missing?.length === 0) this.#settle("recovered");
  }

  /** Of a long absence the rest comes as publications. */
  #onPublication(text: string): void {
    const { publication } = JSON.parse(text) as { publication: { channel: string; offset: number } };
    const [next, ...rest] = this.#missing ?? [];
    if (publication.channel !== this.#options.channel || publication.offset !== next) throw new Error(`a message that was not missed: ${text.slice(0, 300)}`);
    this.#missing = rest;
  }
}
