const TEXT = 1;
const LINE_FEED = 0x0a;

/** Told of each message: it stands in `bytes` from `from` to `to`, until this returns. */
export type OnMessage = (bytes: Buffer, from: number, to: number) => void;

/**
 * Takes apart what a server sends over one WebSocket: whole text frames, not masked, each with one or more messages
 * separated by line feeds. Made to cost next to nothing: it looks at no byte twice and copies only what is cut by the end of
 * a read. Throws on any other frame: then the server has closed the connection.
 */
export class FrameReader {
  #rest: Buffer | undefined;

  /** Reads the first `length` bytes of `bytes`; nothing of them is kept by reference. */
  read(bytes: Buffer, length: number, onMessage: OnMessage): void {
    const whole = this.#rest ? Buffer.concat([this.#rest, bytes.subarray(0, length)]) : bytes;
    const end = this.#rest ? whole.length : length;
    this.#rest = undefined;
    let at = 0;
    while (at < end) {
      const payloadAt = at + headerLength(whole, at, end);
      const payloadEnd = payloadAt <= end ? payloadAt + payloadLength(whole, at) : Infinity;
      if (payloadEnd > end) {
        this.#rest = Buffer.from(whole.subarray(at, end));
        return;
      }
      if ((whole[at]! & 0x0f) !== TEXT) throw new Error(`the server sent a frame with opcode ${String(whole[at]! & 0x0f)}`);
      eachMessage(whole, payloadAt, payloadEnd, onMessage);
      at = payloadEnd;
    }
  }
}

function eachMessage(bytes: Buffer, from: number, to: number, onMessage: OnMessage): void {
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
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** A server's text frame around a payload of at most 64 KiB. */
export function serverFrame(payload: Buffer): Buffer {
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, payload]);
}
