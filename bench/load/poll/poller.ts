import { connect, type Socket } from "node:net";
import { readStampUs } from "../../payload.js";
import type { OnMessage } from "../frameReader.js";
import { HttpReader } from "./httpReader.js";
import type { PollTalk } from "./pollTalk.js";

/** All sockets of the process read into it, one after the other. */
const SHARED = Buffer.allocUnsafe(256 * 1_024);

/** Told of what all pollers get. */
export interface PollerListener {
  onPublication: OnMessage;
  onAnswer: (bytes: Buffer, bodyAt: number, to: number) => void;
  onFailure: (error: Error) => void;
}

/** One client that polls for ever over one kept-alive connection: the next request leaves when an answer has come. */
export class Poller {
  /** Publications and answers so far. */
  publications = 0;
  answers = 0;
  readonly #socket: Socket;
  readonly #talk: PollTalk;
  readonly #listener: PollerListener;
  readonly #reader = new HttpReader();
  #lastStampUs = 0;

  private constructor(socket: Socket, talk: PollTalk, listener: PollerListener) {
    this.#socket = socket;
    this.#talk = talk;
    this.#listener = listener;
  }

  /** Connects and polls; resolves when the first poll is answered. */
  static open(port: number, talk: PollTalk, listener: PollerListener): Promise<Poller> {
    return new Promise((resolve, reject) => {
      let poller: Poller | undefined;
      const onread = {
        buffer: SHARED,
        callback: (length: number): boolean => {
          if (poller) {
            poller.#onBytes(length);
            if (poller.answers === 1) resolve(poller);
          }
          return true;
        },
      };
      const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
      socket.once("error", reject);
      socket.on("close", () => {
        const error = new Error("the connection of a poller has ended");
        reject(error);
        listener.onFailure(error);
      });
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.on("error", () => socket.destroy());
        poller = new Poller(socket, talk, listener);
        poller.#poll();
      });
    });
  }

  /** Ends without a failure. */
  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #poll(): void {
    this.#socket.write(this.#talk.request(), "latin1");
  }

  #onBytes(length: number): void {
    try {
      this.#reader.read(SHARED, length, (answer) => {
        this.#talk.take(answer, this.#onPublication);
        this.answers += 1;
        this.#listener.onAnswer(answer.bytes, answer.bodyAt, answer.to);
        this.#poll();
      });
    } catch (error) {
      this.close();
      this.#listener.onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }

  readonly #onPublication: OnMessage = (bytes, from, to) => {
    const stampUs = readStampUs(bytes, from, to);
    // Every message has a later stamp than the one before it, so nothing can come twice or in another order.
    if (!(stampUs > this.#lastStampUs)) throw new Error("a poller got a message twice, or in another order");
    this.#lastStampUs = stampUs;
    this.publications += 1;
    this.#listener.onPublication(bytes, from, to);
  };
}
