import type { Socket } from "node:net";

const BYTES = 3;

/** Has `burst` messages (at most 255) delivered to a channel, by its number. */
export function controlCommand(burst: number, channel: number): Buffer {
  return Buffer.from([burst, channel >> 8, channel & 0xff]);
}

/** Calls back for each command that a control connection brings. */
export function onControlCommands(socket: Socket, onCommand: (burst: number, channel: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.length - (bytes.length % BYTES);
    for (let at = 0; at < end; at += BYTES) onCommand(bytes.readUInt8(at), bytes.readUInt16BE(at + 1));
    rest = Buffer.from(bytes.subarray(end));
  });
  socket.on("error", () => socket.destroy());
}
