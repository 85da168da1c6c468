const TEXT = 1;
const BINARY = 2;
const PING = 9;
const LINE_FEED = 0x0a;

/** Told of each message: it stands in `bytes` from `from` to `to`, until this returns. */
export type OnMessage = (bytes: Buffer, from: number, to: number) => void;

/**
 * Takes apart what a server sends over one WebSocket: whole data frames, not masked, and pings. Made to cost next to nothing:
 * it looks at no payload and copies only what is cut by the end of a read. Throws on any other frame: then the server has
 * closed the connection, or cuts its messages into pieces, which none of those does that are measured.
 */
export class FrameReader {
  readonly #onFrame: OnMessage;
  readonly #onPing: OnMessage;
  #rest: Buffer | undefined;

  /** `onFrame` is told of the payload of each data frame, `onPing` of each ping's. */
  constructor(onFrame: OnMessage, onPing: OnMessage = () => undefined) {
    this.#onFrame = onFrame;
    this.#onPing = onPing;
  }

  /** Reads the bytes from `start` to `length`; nothing of them is kept by reference. */
  read(bytes: Buffer, length: number, start = 0): void {
    const whole = this.#rest ? Buffer.concat([this.#rest, bytes.subarray(start, length)]) : bytes;
    const end = this.#rest ? whole.length : length;
    let at = this.#rest ? 0 : start;
    this.#rest = undefined;
    while (at < end) {
      const payloadAt = at + headerLength(whole, at, end);
      const payloadEnd = payloadAt <= end ? payloadAt + payloadLength(whole, at) : Infinity;
      if (payloadEnd > end) {
        this.#rest = Buffer.from(whole.subarray(at, end));
        return;
      }
      const opcode = whole[at]! & 0x0f;
      if (whole[at]! < 0x80 || (opcode !== TEXT && opcode !== BINARY && opcode !== PING)) throw new Error(`the server sent a frame with opcode ${String(opcode)}`);
      if (opcode === PING) this.#onPing(whole, payloadAt, payloadEnd);
      else this.#onFrame(whole, payloadAt, payloadEnd);
      at = payloadEnd;
    }
  }
}

/** Finds the messages in a frame of Halley's, which are separated by line feeds. */
export function eachLine(bytes: Buffer, from: number, to: number, onMessage: OnMessage): void {
  // A view that ends with the frame: a search in the whole buffer would run on into what was read before.
  const frame = bytes.subarray(0, to);
  let at = from;
  for (let next = frame.indexOf(LINE_FEED, at); next !== -1; next = frame.indexOf(LINE_FEED, at)) {
    onMessage(bytes, at, next);
    at = next + 1;
  }
  onMessage(bytes, at, to);
}

/** Of a frame's header (RFC 6455, 5.2), as far as its second byte is there. */
function headerLength(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return Infinity;
  const length = bytes[at + 1]! & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & 0x7f;
  if (length < 126) return length;
  return length === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}

/** A client's text frame around a text of at most 64 KiB. Its mask is zero, which the RFC allows and costs nothing to apply. */
export function clientFrame(text: string): Buffer {
  return masked(TEXT, Buffer.from(text));
}

/** The same as a binary frame. */
export function binaryClientFrame(text: string): Buffer {
  return masked(BINARY, Buffer.from(text));
}

/** A client's answer to a ping. */
export function pongFrame(payload: Buffer): Buffer {
  return masked(10, payload);
}

function masked(opcode: number, payload: Buffer): Buffer {
  const head = headOf(opcode, payload.length);
  head[1]! |= 0x80;
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** A server's text frame around a payload. */
export function serverFrame(payload: Buffer): Buffer {
  return Buffer.concat([headOf(TEXT, payload.length), payload]);
}

function headOf(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  if (length < 2 ** 16) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]);
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
