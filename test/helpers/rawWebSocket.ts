import { connect, type Socket } from "node:net";
import { MessageReader, type ServerMessage } from "./readMessages.js";

/** The opcodes of RFC 6455, 11.8. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame that a client sends, right or wrong. */
export interface ClientFrameParts {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly rsv?: number;
  /** Undefined: the zero mask. Null: not masked, which servers must refuse. */
  readonly mask?: Buffer | null;
  /** What the head claims, where that isn't what follows. */
  readonly length?: number;
}

/** The bytes of a client's frame. */
export function clientFrame({ opcode, payload = "", fin = true, rsv = 0, mask, length }: ClientFrameParts): Buffer {
  const data = Buffer.from(payload);
  const key = mask === undefined ? Buffer.alloc(4) : mask;
  const claimed = length ?? data.length;
  const long = claimed < 126 ? 0 : claimed <= 0xffff ? 2 : 8;
  const head = Buffer.alloc(2 + long);
  head.writeUInt8((fin ? 0x80 : 0) | (rsv << 4) | opcode, 0);
  head.writeUInt8((key ? 0x80 : 0) | (long === 0 ? claimed : long === 2 ? 126 : 127), 1);
  if (long === 2) head.writeUInt16BE(claimed, 2);
  if (long === 8) head.writeBigUInt64BE(BigInt(claimed), 2);
  if (!key) return Buffer.concat([head, data]);
  for (let at = 0; at < data.length; at++) data[at]! ^= key[at % 4]!;
  return Buffer.concat([head, key, data]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Buffer = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code, 0);
  return Buffer.concat([head, Buffer.from(reason)]);
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A WebSocket made by hand over a bare socket, which sends whatever it is told to and keeps every frame that comes. */
export class RawWebSocket {
  readonly socket: Socket;
  /** What came, in order. */
  readonly messages: ServerMessage[] = [];
  readonly #reader = new MessageReader();
  #head = Buffer.alloc(0);
  #status = 0;
  #hasEnded = false;
  #fault: Error | undefined;
  #waiters: (() => void)[] = [];

  private constructor(port: number, subprotocol: string) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("data", (data: Buffer) => { this.#onData(data); });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.#hasEnded = true;
      this.#tell();
    });
    this.socket.write(
      `GET /v1/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
    );
  }

  /** Resolves when the server has upgraded. Rejects when it refuses. */
  static async open(port: number, subprotocol: "halley.v1.json" | "halley.v1.protobuf" = "halley.v1.json"): Promise<RawWebSocket> {
    const opened = new RawWebSocket(port, subprotocol);
    await opened.until(() => opened.#status !== 0 || opened.hasEnded);
    if (opened.#status !== 101) throw new Error(`not upgraded: ${String(opened.#status)}`);
    return opened;
  }

  /** Whether the socket is closed, by whomever. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What the close frame says; undefined before it came, code 1005 where it says nothing. */
  get closed(): { readonly code: number; readonly reason: string } | undefined {
    const frame = this.messages.find(({ opcode }) => opcode === OPCODE.close);
    if (!frame) return undefined;
    return { code: frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString("utf8") };
  }

  /** Sends frames, whole or in pieces: `chop` bytes at a time, each in a packet of its own. */
  async send(frames: readonly ClientFrameParts[], chop = Infinity): Promise<void> {
    await this.write(Buffer.concat(frames.map(clientFrame)), chop);
  }

  /** Sends bytes as they are. */
  async write(bytes: Buffer, chop = Infinity): Promise<void> {
    for (let at = 0; at < bytes.length && !this.hasEnded; at += chop) {
      const isTaken = this.socket.write(bytes.subarray(at, Math.min(bytes.length, at + chop)));
      if (!isTaken) await new Promise<void>((resolve) => { this.#waiters.push(resolve); this.socket.once("drain", resolve); });
      if (chop !== Infinity) await turn();
    }
  }

  /** Resolves when `check` is true; looked at after whatever comes. */
  async until(check: () => boolean, limitMs = 10_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!check()) {
      if (this.#fault) throw this.#fault;
      if (Date.now() > deadline) throw new Error(`not within ${String(limitMs)} ms; came: ${this.#describe()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    if (this.#fault) throw this.#fault;
  }

  cut(): void {
    this.socket.destroy();
  }

  #describe(): string {
    return this.messages.slice(-3).map(({ opcode, payload }) => `${String(opcode)} ${payload.toString("latin1").slice(0, 200)}`).join(" | ");
  }

  #onData(data: Buffer): void {
    try {
      const body = this.#status === 0 ? this.#afterHead(data) : data;
      if (body.length > 0) this.messages.push(...this.#reader.push(body));
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error));
      this.socket.destroy();
    }
    this.#tell();
  }

  #afterHead(data: Buffer): Buffer {
    this.#head = Buffer.concat([this.#head, data]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return Buffer.alloc(0);
    this.#status = Number(this.#head.subarray(9, 12).toString("latin1"));
    return this.#status === 101 ? this.#head.subarray(end + 4) : Buffer.alloc(0);
  }

  #tell(): void {
    for (const tell of this.#waiters.splice(0)) tell();
  }
}
