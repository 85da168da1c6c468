/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
/** Flags of HTTP/2 frames. */
export const FLAG = { endStream: 1, acknowledged: 1, endHeaders: 4 } as const;
/** What a client sends first. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const HEAD_BYTES = 9;
/** The largest value that HPACK can write in one byte after a 7-bit prefix. */
const LONGEST = 126;

/** One frame. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** Says that `bytes` were read and may be sent again, on a stream or (0) on the connection. */
export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, stream, payload);
}

/** A header block without compression: every field as it is, in neither side's table (RFC 7541, section 6.2.2). */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > LONGEST) throw new Error(`too long for a header field of a load generator: ${text.slice(0, 40)}`);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** Told of a frame. `payload` may be used until the call returns. */
export type OnFrame = (type: number, flags: number, stream: number, payload: Buffer) => void;

/** Cuts what is read into frames. */
export class FrameCutter {
  #rest = Buffer.alloc(0);

  push(bytes: Buffer, onFrame: OnFrame): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + all.readUIntBE(at, 3);
      if (end > all.length) break;
      onFrame(all.readUInt8(at + 3), all.readUInt8(at + 4), all.readUInt32BE(at + 5) & 0x7fffffff, all.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    this.#rest = at === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(at));
  }
}
