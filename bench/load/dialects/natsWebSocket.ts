import { binaryClientFrame, type OnMessage } from "../frameReader.js";
import type { Conversation, Dialect, Listener } from "./dialect.js";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ZERO = 0x30;
const M = 0x4d;
const PONG = binaryClientFrame("PONG\r\n");

/** NATS's own WebSocket: the bytes of its protocol in binary frames, which are cut anywhere. */
export const natsWebSocket: Dialect = {
  upgrade: () => ({ path: "/" }),
  converse: ({ channel }, listener) => new NatsConversation(channel, listener),
};

class NatsConversation implements Conversation {
  readonly #channel: string;
  readonly #listener: Listener;
  readonly #onPublication: OnMessage;
  /** What came of a message or line whose end is in a frame to come. */
  #rest: Buffer | undefined;

  constructor(channel: string, listener: Listener) {
    this.#channel = channel;
    this.#listener = listener;
    this.#onPublication = listener.publication;
  }

  begin(): void {
    const connect = `CONNECT {"verbose":false,"pedantic":false,"echo":false,"headers":true,"name":"halley-bench","lang":"raw","version":"1"}\r\n`;
    // The answer to PING says that what stands before it was done.
    this.#listener.send(binaryClientFrame(`${connect}SUB ${this.#channel} 1\r\nPING\r\n`));
  }

  hear(bytes: Buffer, from: number, to: number): void {
    if (!this.#rest) {
      this.#keep(bytes, this.#read(bytes, from, to), to);
      return;
    }
    const whole = Buffer.concat([this.#rest, bytes.subarray(from, to)]);
    this.#rest = undefined;
    this.#keep(whole, this.#read(whole, 0, whole.length), whole.length);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (from < to) this.#rest = Buffer.from(bytes.subarray(from, to));
  }

  /** Reads what is whole, and says where it ends. */
  #read(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const lineEnd = bytes.indexOf(LINE_FEED, at);
      if (lineEnd === -1 || lineEnd >= to) return at;
      if (bytes[at] === M) {
        const payloadEnd = lineEnd + 1 + sizeBefore(bytes, lineEnd);
        if (payloadEnd + 2 > to) return at;
        this.#onPublication(bytes, lineEnd + 1, payloadEnd);
        at = payloadEnd + 2;
      } else {
        this.#onLine(bytes.toString("latin1", at, lineEnd - 1));
        at = lineEnd + 1;
      }
    }
    return at;
  }

  #onLine(line: string): void {
    if (line === "PONG") this.#listener.subscribed();
    else if (line === "PING") this.#listener.send(PONG);
    else if (!line.startsWith("INFO ")) throw new Error(`unexpected: ${line}`);
  }
}

/** The number that ends a line: `MSG <subject> <sid> <size>\r\n`. */
function sizeBefore(bytes: Buffer, lineFeedAt: number): number {
  let size = 0;
  let unit = 1;
  for (let at = lineFeedAt - 1; ; at--) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit >= 0 && digit <= 9) {
      size += digit * unit;
      unit *= 10;
    } else if (bytes[at] !== CARRIAGE_RETURN) {
      return size;
    }
  }
}
