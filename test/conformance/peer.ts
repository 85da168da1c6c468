import { expect } from "vitest";
import { signToken } from "../helpers/installation.js";
import { type ClientFrameParts, closePayload, OPCODE, RawWebSocket } from "../helpers/rawWebSocket.js";
import { ClientFrame, ServerFrame } from "../../gen/halley/v1/client.js";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

/** The channel that a peer publishes to and hears: what stands in for the echo of the suite. */
const CHANNEL = "live.c";

/** How the octets of several frames are sent: in one piece, a piece for each frame, or so many at a time. */
export type Chop = "one" | "frames" | number;

/** A case of the suite. */
export interface Case {
  /** The suite's own number. */
  readonly id: string;
  readonly what: string;
  readonly run: (peer: Peer) => Promise<void>;
  /** Over the binary subprotocol. */
  readonly isBinary?: boolean;
}

/** A signed-in client made by hand. A message of its that Halley takes comes back to it as a publication. */
export class Peer {
  readonly raw: RawWebSocket;
  readonly #isBinary: boolean;

  private constructor(raw: RawWebSocket, isBinary: boolean) {
    this.raw = raw;
    this.#isBinary = isBinary;
  }

  static async open(port: number, isBinary = false): Promise<Peer> {
    const peer = new Peer(await RawWebSocket.open(port, isBinary ? "halley.v1.protobuf" : "halley.v1.json"), isBinary);
    const token = await signToken("peer");
    const first = isBinary
      ? Buffer.concat([delimited({ id: 1, frame: { $case: "connect", value: { token } } }), delimited({ id: 2, frame: { $case: "subscribe", value: { channel: CHANNEL } } })])
      : Buffer.from(`{"id":1,"connect":{"token":"${token}"}}\n{"id":2,"subscribe":{"channel":"${CHANNEL}"}}`);
    await peer.raw.send([{ opcode: isBinary ? OPCODE.binary : OPCODE.text, payload: first }]);
    await peer.raw.until(() => peer.#answered(2));
    return peer;
  }

  async send(frames: readonly ClientFrameParts[], chop: Chop = "one"): Promise<void> {
    if (chop !== "frames") await this.raw.send(frames, chop === "one" ? Infinity : chop);
    else for (const frame of frames) await this.raw.send([frame], 2 ** 20);
  }

  /** Resolves when a message of this text has come back. */
  async echoes(data: string): Promise<void> {
    await this.raw.until(() => this.#published().includes(data));
  }

  /** Resolves when these pongs, and no others, have come. */
  async pongs(...payloads: (string | Buffer)[]): Promise<void> {
    const pongs = (): Buffer[] => this.raw.messages.filter(({ opcode }) => opcode === OPCODE.pong).map(({ payload }) => payload);
    await this.raw.until(() => pongs().length >= payloads.length);
    expect(pongs()).toEqual(payloads.map((payload) => Buffer.from(payload)));
  }

  /** The server fails the connection, or answers its close, with one of these codes: its close frame is the last, then it ends. */
  async ends(...codes: number[]): Promise<void> {
    await this.raw.until(() => this.raw.hasEnded);
    expect(codes).toContain(this.raw.closed?.code);
    expect(this.raw.messages.at(-1)?.opcode).toBe(OPCODE.close);
  }

  /** Says goodbye; the server does so too, with the same code. */
  async leaves(): Promise<void> {
    await this.send([{ opcode: OPCODE.close, payload: closePayload(1000) }]);
    await this.ends(1000);
  }

  /** The server goes on: it answers what is asked now. */
  async lives(): Promise<void> {
    await this.send([this.message(`alive ${String(++count)}`)]);
    await this.echoes(`alive ${String(count)}`);
  }

  /** A message that is echoed: `data` is the JSON string in it. */
  message(data: string | Buffer): ClientFrameParts {
    return { opcode: this.#isBinary ? OPCODE.binary : OPCODE.text, payload: this.payload(data) };
  }

  /** The payload of such a message. */
  payload(data: string | Buffer): Buffer {
    if (!this.#isBinary) return Buffer.concat([Buffer.from(`{"publish":{"channel":"${CHANNEL}","data":"`), Buffer.from(data), Buffer.from('"}}')]);
    const json = Buffer.concat([Buffer.from('"'), Buffer.from(data), Buffer.from('"')]);
    return delimited({ frame: { $case: "publish", value: { channel: CHANNEL, data: { data: { $case: "json", value: json } } } } });
  }

  /** The text of which the payload of a message has so many bytes. */
  textOf(bytes: number): string {
    for (let length = Math.max(0, bytes - this.payload("").length); length >= 0; length--) {
      const text = "*".repeat(length);
      if (this.payload(text).length === bytes) return text;
    }
    throw new Error(`no message has a payload of ${String(bytes)} bytes`);
  }

  /** The data of the publications that have come. */
  #published(): unknown[] {
    return this.#data().flatMap((payload) => {
      if (!this.#isBinary) return payload.toString("utf8").split("\n").flatMap((line) => (JSON.parse(line) as { publication?: { data: unknown } }).publication?.data ?? []);
      return serverFrames(payload).flatMap(({ frame }) => (frame?.$case === "publication" ? [JSON.parse((frame.value.data?.data?.value ?? Buffer.alloc(0)).toString("utf8")) as unknown] : []));
    });
  }

  #answered(id: number): boolean {
    return this.#data().some((payload) => (this.#isBinary ? serverFrames(payload).some((frame) => frame.id === id) : payload.toString("utf8").includes(`{"id":${String(id)},"subscribed"`)));
  }

  #data(): Buffer[] {
    return this.raw.messages.filter(({ opcode }) => opcode === OPCODE.text || opcode === OPCODE.binary).map(({ payload }) => payload);
  }
}

let count = 0;

function delimited(frame: Parameters<typeof ClientFrame.fromPartial>[0]): Buffer {
  return Buffer.from(new BinaryWriter().bytes(ClientFrame.encode(ClientFrame.fromPartial(frame)).finish()).finish());
}

function serverFrames(payload: Buffer): ServerFrame[] {
  const reader = new BinaryReader(payload);
  const frames: ServerFrame[] = [];
  while (reader.pos < reader.len) frames.push(ServerFrame.decode(reader.bytes()));
  return frames;
}
