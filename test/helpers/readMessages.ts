/** A WebSocket message from a server, as RFC 6455 frames it. */
export interface ServerMessage {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Reads whole, unmasked, unfragmented WebSocket frames (RFC 6455, 5.2). Throws where the bytes are anything else. */
export function readMessages(bytes: Buffer): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes.readUInt8(at);
    if ((first & 0xf0) !== 0x80) throw new Error("not a final frame without extensions");
    const short = bytes.readUInt8(at + 1);
    if (short > 127) throw new Error("masked");
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if ((short === 126 && length < 126) || (short === 127 && length <= 0xffff)) throw new Error("not the shortest length");
    if (at + head + length > bytes.length) throw new Error("cut off");
    messages.push({ opcode: first & 0x0f, payload: bytes.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return messages;
}
