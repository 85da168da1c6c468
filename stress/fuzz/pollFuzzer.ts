import { Agent, request } from "node:http";
import { signToken } from "../../test/helpers/installation.js";
import type { Random } from "../random.js";
import { frameFault, reasonFault, type ToldError } from "./documented.js";
import { anyBody, anyChannel, anyPosition } from "./frames.js";
import type { Fuzzer } from "./fuzzer.js";
import { chance, mutateBytes, mutateValue, randomBytes } from "./mutate.js";

const ANSWER_MS = 20_000;
const POLLS = 40;
/** The answers of docs/PROTOCOL.md, "Long-poll": by status, the reasons that may come with it. */
const REASONS: Readonly<Record<number, readonly string[]>> = {
  400: ["MALFORMED_FRAME", "INVALID_REQUEST"],
  401: ["TOKEN_REFUSED", "TOKEN_EXPIRED"],
  413: ["TOO_LARGE"],
  429: ["TOO_MANY_FRAMES", "TOO_MANY_SESSIONS"],
  503: ["NOT_READY"],
};
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

/** Bodies of polls: good ones, mutated as values and as bytes, of one session and of none. */
export const fuzzPolls: Fuzzer = async (random, { connector }) => {
  const token = await signToken(`poller${String(random.between(1, 200))}`);
  const faults: string[] = [];
  let session = "";
  let positions: object = {};
  let seq = 1;
  for (let at = 0; at < POLLS; at++) {
    const { status, text } = await post(connector.port, bodyOf(random, { session, token, seq, positions }));
    if (chance(random, 90)) seq += 1;
    const fault = faultOf(status, text);
    if (fault !== undefined) faults.push(`${fault}: ${text.slice(0, 300)}`);
    else if (status === 200) ({ session, positions } = JSON.parse(text) as { session: string; positions: object });
  }
  return { inputs: POLLS, faults };
};

function bodyOf(random: Random, known: object): Buffer {
  const frames = Array.from({ length: random.between(0, 6) }, (_, at) => ({ id: at + 1, ...anyBody(random) }));
  const positions = chance(random, 30) ? { positions: Object.fromEntries(Array.from({ length: random.between(0, 5) }, () => [anyChannel(random), anyPosition(random)])) } : {};
  const body = { ...known, frames, waitMs: chance(random, 97) ? 0 : random.between(1, 30), ...positions };
  if (chance(random, 1)) return randomBytes(random, random.between(0, 500));
  if (chance(random, 1)) return Buffer.from(JSON.stringify({ ...body, filler: "x".repeat(600_000) }));
  // Mutated, it may wait for its answer, half a minute: not that.
  const changed = chance(random, 65) ? mutateValue(random, body) : body;
  const text = Buffer.from(JSON.stringify(isObject(changed) ? { ...changed, waitMs: chance(random, 98) ? 0 : -1 } : changed));
  return chance(random, 8) ? mutateBytes(random, text) : text;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultOf(status: number, text: string): string | undefined {
  let body: { session?: unknown; frames?: unknown; positions?: unknown; error?: ToldError };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    return `a poll was answered with ${String(status)} and no JSON`;
  }
  if (status === 200) {
    if (typeof body.session !== "string" || !Array.isArray(body.frames) || !isObject(body.positions)) return "an answer without session, frames, positions";
    return body.frames.map(frameFault).find((fault) => fault !== undefined);
  }
  const told = body.error ?? {};
  return reasonFault(told) ?? (REASONS[status]?.includes(told.reason ?? "") === true ? undefined : `a poll was refused with ${String(status)} ${told.reason ?? ""}`);
}

function post(port: number, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path: "/v1/poll", method: "POST", agent, headers: { "content-length": body.length }, timeout: ANSWER_MS }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString("utf8") }); });
      response.on("error", reject);
    });
    call.on("timeout", () => { call.destroy(new Error(`a poll was not answered in ${String(ANSWER_MS)} ms: ${body.toString("utf8").slice(0, 300)}`)); });
    call.on("error", reject);
    call.end(body);
  });
}
