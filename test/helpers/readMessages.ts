/** A WebSocket message from a server, as RFC 6455 frames it. */
export interface ServerMessage {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Takes a server's bytes apart as they come: whole, unmasked, unfragmented WebSocket frames (RFC 6455, 5.2). */
export class MessageReader {
  #rest = Buffer.alloc(0);

  /** Bytes of a frame that is not whole yet. */
  get waiting(): number {
    return this.#rest.length;
  }

  /** The frames that are whole now. Throws where the bytes are anything else. */
  push(bytes: Buffer): ServerMessage[] {
    const messages: ServerMessage[] = [];
    let left = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (let end = endOf(left); end !== undefined && end <= left.length; end = endOf(left)) {
      messages.push({ opcode: left.readUInt8(0) & 0x0f, payload: left.subarray(headOf(left), end) });
      left = left.subarray(end);
    }
    this.#rest = Buffer.from(left);
    return messages;
  }
}

/** Reads whole, unmasked, unfragmented WebSocket frames. Throws where the bytes are anything else. */
export function readMessages(bytes: Buffer): ServerMessage[] {
  const reader = new MessageReader();
  const messages = reader.push(bytes);
  if (reader.waiting > 0) throw new Error("cut off");
  return messages;
}

function headOf(bytes: Buffer): number {
  const short = bytes.readUInt8(1);
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

/** Where the first frame ends; undefined where its head is not whole. */
function endOf(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  if ((bytes.readUInt8(0) & 0xf0) !== 0x80) throw new Error("not a final frame without extensions");
  const short = bytes.readUInt8(1);
  if (short > 127) throw new Error("masked");
  const head = headOf(bytes);
  if (bytes.length < head) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if ((short === 126 && length < 126) || (short === 127 && length <= 0xffff)) throw new Error("not the shortest length");
  return head + length;
}
