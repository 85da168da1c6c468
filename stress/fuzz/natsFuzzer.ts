import { connect, type Socket } from "node:net";
import type { Random } from "../random.js";
import { anyPayload, anyType } from "./frames.js";
import type { Fuzzer } from "./fuzzer.js";
import { chance, mutateBytes, randomBytes } from "./mutate.js";

const MESSAGES = 150;
const PONG_MS = 15_000;
const CHANNELS = ["fuzz.a", "fuzz.b", "fuzz.c1", "typed.a", "typed.b", "live.a", "live.b"];
const HEADERS = [
  "Content-Type: application/json", "Content-Type: application/protobuf", "Content-Type: text/plain", "Halley-Type: demo.v1.ChatMessage", "Halley-Type: demo.v1.OrderChanged", "Halley-Type:",
  "Halley-Time: 2026-01-01T00:00:00Z", "Halley-Time: 0000-00-00T99:99:99Z", "Halley-Sender: =Zg", "Halley-Sender: \u00ff", "Halley-Tag-a: 1", "Halley-Tag-: x", "Halley-Control: tombstone", "halley-control: tombstone",
  "Nats-Sequence: 99999999", "Nats-Sequence: -1", "Nats-Last-Sequence: 88888888", "Nats-Stream: HALLEY_calm", "Nats-Subject: halley.pub.calm.bystander", "Nats-Time-Stamp: never", "Nats-Num-Pending: 3",
  "Nats-UpTo-Sequence: 5", "Nats-Msg-Id: a", "Nats-Expected-Stream: other", "Nats-Rollup: sub", "Nats-TTL: 1s", "Status: 404", "traceparent: 00-00-00-00", "no colon", ": empty", "a b: c", "x: \u0000",
];

/** Messages straight onto NATS, as a publisher may send them, and onto Halley's own subjects, as one who may do more. */
export const fuzzNats: Fuzzer = async (random, { world }) => {
  const socket = connect({ host: "127.0.0.1", port: world.nats.port });
  socket.on("error", () => undefined);
  const pieces: Buffer[] = [Buffer.from('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n')];
  for (let at = 0; at < MESSAGES; at++) pieces.push(anyMessage(random));
  pieces.push(Buffer.from("PING\r\n"));
  socket.write(Buffer.concat(pieces));
  const fault = await pong(socket);
  socket.destroy();
  return { inputs: MESSAGES, faults: fault === undefined ? [] : [fault] };
};

function anyMessage(random: Random): Buffer {
  const kind = random.between(1, 100);
  if (kind <= 75) return message(`halley.pub.${random.pick(CHANNELS)}`, anyHeaders(random), anyBody(random));
  const hex = randomBytes(random, 16).toString("hex");
  const junk = chance(random, 50) ? randomBytes(random, random.between(0, 80)) : Buffer.from(random.pick(["", "0", "-1", "1e99", "99999999999999999999", "c1 1", "x NaN", "{}", "null", "c000 99999999999999"]));
  if (kind <= 82) return message(`halley.presence.heartbeat.${random.pick(["x", "c000000000000", hex])}`, "", junk);
  if (kind <= 84) return message(random.pick(["halley.presence.members", "halley.presence.snapshot.x", "halley.presence.replica.x"]), "", junk);
  if (kind <= 89) return message(`halley.session.${random.pick([hex, "x"])}`, "", junk);
  if (kind <= 94) return message(`halley.nudge.${random.pick([...CHANNELS, "calm.bystander", "none.x", "fuzz"])}`, "", chance(random, 50) ? Buffer.from(String(random.between(0, 1_000_000))) : junk);
  if (kind <= 96) return message(`halley.epoch.${random.pick(["fuzz", "none", "typed"])}`, "", junk);
  if (kind <= 98) return message(`halley.pub.${random.pick(["fuzz.$tick", "fuzz", "fuzz.\u00e9", `fuzz.${"x".repeat(300)}`, "none.x", "sys.stats", "user.fuzz", "all", "fuzz.c1.$x"])}`, anyHeaders(random), anyBody(random));
  return message(random.pick(["halley.dead.fuzz.a", "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.HALLEY_fuzz", "halley", "_INBOX.x"]), anyHeaders(random), junk);
}

function anyBody(random: Random): Buffer {
  if (chance(random, 15)) return randomBytes(random, random.between(0, 120));
  const text = Buffer.from(JSON.stringify(anyPayload(random)));
  return chance(random, 20) ? mutateBytes(random, text) : text;
}

/** A block of headers, "" for none. */
function anyHeaders(random: Random): string {
  if (chance(random, 40)) return "";
  const lines = Array.from({ length: random.between(0, 5) }, () => (chance(random, 20) ? `Halley-Type: ${anyType(random)}` : random.pick(HEADERS)));
  const block = `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  // It ends as a block must: nats-server 2.9.10 itself dies of a message id without an end.
  return chance(random, 6) ? `${mutateBytes(random, Buffer.from(block, "latin1")).toString("latin1")}\r\n\r\n` : block;
}

function message(subject: string, headers: string, body: Buffer): Buffer {
  const head = Buffer.from(headers, "latin1");
  const line = head.length === 0 ? `PUB ${subject} ${String(body.length)}\r\n` : `HPUB ${subject} ${String(head.length)} ${String(head.length + body.length)}\r\n`;
  return Buffer.concat([Buffer.from(line), head, body, Buffer.from("\r\n")]);
}

/** Resolves when NATS has taken everything. */
function pong(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => { resolve("NATS did not take the messages"); }, PONG_MS);
    const end = (fault: string | undefined): void => {
      clearTimeout(timer);
      resolve(fault);
    };
    let heard = "";
    socket.on("data", (data) => {
      heard += data.toString("latin1");
      if (heard.includes("PONG")) end(undefined);
    });
    // It may refuse a subject or a block of headers by hanging up: that is its affair.
    socket.on("close", () => { end(undefined); });
  });
}
