/** First byte of a whole message: FIN and the opcode (RFC 6455, 5.2). */
const TEXT = 0x81;
const BINARY = 0x82;
/** Lengths up to here fit into the second byte; then 16 bits follow, then 64. */
const MAX_SHORT = 125;
const MAX_MEDIUM = 0xffff;

/** A whole server-to-client message (one frame, not masked) with room for a payload of `length` bytes, and where that begins. */
export function allocateMessage(length: number, binary: boolean): { readonly message: Buffer; readonly payloadAt: number } {
  const payloadAt = length <= MAX_SHORT ? 2 : length <= MAX_MEDIUM ? 4 : 10;
  const message = Buffer.allocUnsafe(payloadAt + length);
  message[0] = binary ? BINARY : TEXT;
  if (length <= MAX_SHORT) {
    message[1] = length;
  } else if (length <= MAX_MEDIUM) {
    message[1] = 126;
    message.writeUInt16BE(length, 2);
  } else {
    message[1] = 127;
    message.writeBigUInt64BE(BigInt(length), 2);
  }
  return { message, payloadAt };
}
