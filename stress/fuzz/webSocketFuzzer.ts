import { connect } from "node:net";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { ClientFrame, ServerFrame } from "../../gen/halley/v1/client.js";
import { signToken } from "../../test/helpers/installation.js";
import { closePayload, clientFrame, OPCODE, RawWebSocket } from "../../test/helpers/rawWebSocket.js";
import type { Random } from "../random.js";
import { closeFault, frameFault, reasonFault } from "./documented.js";
import { anyBody, anyFrame, anyPayload, answeredId } from "./frames.js";
import type { BatchOutcome, Fuzzer } from "./fuzzer.js";
import { chance, mutateBytes, mutateValue, randomBytes } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const ANSWER_MS = 20_000;
const LAST_ID = 4_000_000_000;
const CLOSE_MS = 3_000;

/** WebSockets: frames right and wrong, in both encodings, before and after sign-in; bytes and WebSocket frames of any kind. */
export const fuzzWebSocket: Fuzzer = async (random, target) => {
  const kind = random.between(1, 100);
  try {
    if (kind <= 62) return await jsonSession(random, target);
    if (kind <= 78) return await binarySession(random, target);
    if (kind <= 88) return await beforeSignIn(random, target);
    if (kind <= 96) return await anyWebSocketFrames(random, target);
    return await anyHandshake(random, target);
  } catch (error) {
    return { inputs: 1, faults: [error instanceof Error ? error.message : String(error)] };
  }
};

/** Hundreds of frames on one connection; every one with an id is answered, or the connection closed for a stated reason. */
async function jsonSession(random: Random, target: FuzzTarget): Promise<BatchOutcome> {
  const socket = await RawWebSocket.open(target.connector.port);
  const token = await signToken(`fuzz${String(random.between(1, 500))}`);
  await socket.send([text(JSON.stringify({ id: 1, connect: { token } }))]);
  const due = new Set<number>([1]);
  let inputs = 0;
  for (let round = 0; round < 12; round++) {
    const lines = Array.from({ length: random.between(1, 50) }, (_, at) => anyFrame(random, 100 + round * 100 + at));
    for (const line of lines) due.add(answeredId(line));
    inputs += lines.length;
    const payload = Buffer.from(lines.join("\n"));
    const cut = random.between(0, payload.length);
    await socket.send(chance(random, 20) ? [{ opcode: OPCODE.text, fin: false, payload: payload.subarray(0, cut) }, { opcode: OPCODE.continuation, payload: payload.subarray(cut) }] : [text(payload)]);
  }
  if (chance(random, 25)) {
    inputs += 1;
    await socket.send([text(mutateBytes(random, Buffer.from(anyFrame(random, 99))))]);
  }
  await socket.send([text(JSON.stringify({ id: LAST_ID, unsubscribe: { channel: "fuzz.none" } }))]);
  due.add(LAST_ID);
  due.delete(0);
  const faults: string[] = [];
  const answered = new Answers(faults);
  await socket.until(() => socket.hasEnded || socket.closed !== undefined || answered.covers(socket, due), ANSWER_MS);
  answered.covers(socket, due);
  return finish(socket, inputs, faults);
}

/** Reads answers as they come. */
class Answers {
  readonly #ids = new Set<number>();
  readonly #faults: string[];
  #read = 0;

  constructor(faults: string[]) {
    this.#faults = faults;
  }

  covers({ messages }: RawWebSocket, due: ReadonlySet<number>): boolean {
    for (; this.#read < messages.length; this.#read++) {
      const message = messages[this.#read];
      if (message?.opcode === OPCODE.text) for (const line of message.payload.toString("utf8").split("\n")) this.#take(line);
    }
    return [...due].every((id) => this.#ids.has(id));
  }

  #take(line: string): void {
    let fault: string | undefined = "no JSON";
    try {
      const frame = JSON.parse(line) as { id?: number };
      fault = frameFault(frame);
      this.#ids.add(frame.id ?? 0);
    } catch {
      // Told below.
    }
    if (fault !== undefined) this.#faults.push(`${fault}: ${line.slice(0, 300)}`);
  }
}

async function binarySession(random: Random, target: FuzzTarget): Promise<BatchOutcome> {
  const socket = await RawWebSocket.open(target.connector.port, "halley.v1.protobuf");
  const token = await signToken(`fuzz${String(random.between(1, 500))}`);
  await socket.send([binary(delimited({ id: 1, frame: { $case: "connect", value: { token } } }))]);
  let inputs = 0;
  for (let round = 0; round < 60 && !socket.hasEnded; round++) {
    const good = wireFrame(random, 100 + round);
    inputs += 1;
    // Mutated inside of its length, most are still frames; outside, they are the last.
    if (chance(random, 60)) await socket.send([binary(behindLength(mutateBytes(random, good)))]);
    else if (chance(random, 4)) await socket.send([binary(mutateBytes(random, behindLength(good)))]);
    else await socket.send([binary(behindLength(good))]);
  }
  await socket.send([binary(delimited({ id: LAST_ID, frame: { $case: "unsubscribe", value: { channel: "fuzz.none" } } }))]);
  const isAnswered = (): boolean => socket.messages.some(({ opcode, payload }) => opcode === OPCODE.binary && serverFrames(payload).some(({ id }) => id === LAST_ID));
  await socket.until(() => socket.hasEnded || socket.closed !== undefined || isAnswered(), ANSWER_MS);
  const faults: string[] = [];
  for (const { opcode, payload } of socket.messages) {
    if (opcode !== OPCODE.binary) continue;
    for (const { frame } of serverFrames(payload)) {
      const fault = frame === undefined ? "a frame without a body" : frame.$case === "error" ? reasonFault(frame.value) : undefined;
      if (fault !== undefined) faults.push(fault);
    }
  }
  return finish(socket, inputs, faults);
}

async function beforeSignIn(random: Random, target: FuzzTarget): Promise<BatchOutcome> {
  const isBinary = chance(random, 30);
  const socket = await RawWebSocket.open(target.connector.port, isBinary ? "halley.v1.protobuf" : "halley.v1.json");
  const token = await signToken("fuzz");
  const first = { id: 1, connect: { token: chance(random, 50) ? token : mutateBytes(random, Buffer.from(token)).toString("latin1"), session: "x".repeat(random.between(0, 90)), positions: { all: {} } } };
  const inputs = random.between(1, 4);
  for (let at = 0; at < inputs; at++) {
    const payload = isBinary ? randomBytes(random, random.between(0, 60)) : Buffer.from(JSON.stringify(chance(random, 70) ? mutateValue(random, first) : anyBody(random)));
    await socket.send([{ opcode: isBinary ? OPCODE.binary : OPCODE.text, payload: chance(random, 15) ? mutateBytes(random, payload) : payload }]);
  }
  // Whatever that was, this ends it.
  await socket.send([{ opcode: OPCODE.close, payload: closePayload(1000) }]);
  await socket.until(() => socket.hasEnded, CLOSE_MS);
  const faults: string[] = [];
  if (!isBinary) new Answers(faults).covers(socket, new Set());
  return finish(socket, inputs, faults, 1000);
}

async function anyWebSocketFrames(random: Random, target: FuzzTarget): Promise<BatchOutcome> {
  const socket = await RawWebSocket.open(target.connector.port);
  if (chance(random, 50)) await socket.send([text(JSON.stringify({ id: 1, connect: { token: await signToken("fuzz") } }))]);
  const inputs = random.between(1, 12);
  for (let at = 0; at < inputs; at++) {
    const payload = chance(random, 50) ? randomBytes(random, random.between(0, 140)) : Buffer.from(anyFrame(random, 1 + at));
    const frame = clientFrame({
      opcode: chance(random, 60) ? random.pick([0, 1, 1, 1, 2, 9, 10]) : random.between(0, 15),
      fin: chance(random, 70),
      rsv: chance(random, 90) ? 0 : random.between(0, 7),
      mask: chance(random, 95) ? randomBytes(random, 4) : null,
      ...(chance(random, 5) ? { length: random.between(0, 300_000) } : {}),
      payload,
    });
    await socket.write(chance(random, 10) ? mutateBytes(random, frame) : frame);
  }
  const code = random.pick([1000, 1001, 3000, 4999]);
  await socket.send([{ opcode: OPCODE.close, payload: closePayload(code) }]);
  // A head that promises more than was sent waits for the rest.
  socket.socket.end();
  await socket.until(() => socket.hasEnded, CLOSE_MS).catch(() => undefined);
  const { closed } = socket;
  socket.cut();
  // A close frame of random bytes is a close frame.
  const isOdd = closed !== undefined && (closed.code === 1005 || closed.code < 3000 || closed.code > 3999);
  const fault = closed === undefined || isOdd ? undefined : closeFault(closed.code, code);
  return { inputs, faults: fault === undefined ? [] : [fault] };
}

/** What is no upgrade, or nearly one. */
async function anyHandshake(random: Random, { connector }: FuzzTarget): Promise<BatchOutcome> {
  const good = Buffer.from("GET /v1/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  const bytes = chance(random, 80) ? mutateBytes(random, good) : randomBytes(random, random.between(1, 400));
  const answer = await new Promise<string>((resolve) => {
    let heard = "";
    const socket = connect({ host: "127.0.0.1", port: connector.port });
    const timer = setTimeout(() => { socket.destroy(); }, 150);
    socket.on("data", (data) => { heard += data.toString("latin1"); });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(heard);
    });
    socket.end(bytes);
  });
  const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "";
  return { inputs: 1, faults: answer === "" || ["101", "400", "403", "404", "405", "408", "426", "431", "503", "200"].includes(status) ? [] : [`a handshake was answered with ${answer.slice(0, 100)}`] };
}

function finish(socket: RawWebSocket, inputs: number, faults: string[], own?: number): BatchOutcome {
  const fault = socket.closed && closeFault(socket.closed.code, own);
  if (fault !== undefined) faults.push(fault);
  socket.cut();
  return { inputs, faults };
}

function text(payload: string | Buffer): { opcode: number; payload: string | Buffer } {
  return { opcode: OPCODE.text, payload };
}

function binary(payload: Buffer): { opcode: number; payload: Buffer } {
  return { opcode: OPCODE.binary, payload };
}

function behindLength(frame: Buffer): Buffer {
  return Buffer.from(new BinaryWriter().bytes(frame).finish());
}

function delimited(frame: Parameters<typeof ClientFrame.fromPartial>[0]): Buffer {
  return behindLength(Buffer.from(ClientFrame.encode(ClientFrame.fromPartial(frame)).finish()));
}

/** A good frame, as far as what is asked for can be good. */
function wireFrame(random: Random, id: number): Buffer {
  const body = anyBody(random);
  const [kind = "pong"] = Object.keys(body);
  const { channel = "", type = "", key = "" } = body[kind] as { channel?: string; type?: string; key?: string };
  const isTyped = chance(random, 30);
  const data = isTyped ? ({ $case: "protobuf", value: randomBytes(random, random.between(0, 40)) } as const) : ({ $case: "json", value: Buffer.from(JSON.stringify(anyPayload(random))) } as const);
  const value = kind === "publish" ? { channel, type, key, data: { data } } : kind === "refresh" ? { token: "x" } : { channel };
  return Buffer.from(ClientFrame.encode(ClientFrame.fromPartial({ id, frame: { $case: kind, value } } as Parameters<typeof ClientFrame.fromPartial>[0])).finish());
}

function serverFrames(payload: Buffer): ServerFrame[] {
  const reader = new BinaryReader(payload);
  const frames: ServerFrame[] = [];
  while (reader.pos < reader.len) frames.push(ServerFrame.decode(reader.bytes()));
  return frames;
}
