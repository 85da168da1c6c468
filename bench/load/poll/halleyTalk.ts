import type { OnMessage } from "../frameReader.js";
import type { HttpAnswer } from "./httpReader.js";
import type { PollTalk } from "./pollTalk.js";

/** Who polls. */
export interface HalleyTalkOptions {
  /** `/v1/poll`; the floor tells its pollers apart by their paths. */
  readonly path: string;
  readonly token: string;
  /** To subscribe to beside the inbox and `all`. */
  readonly channels: readonly string[];
}

const WAIT_MS = 25_000;
const OK = Buffer.from("HTTP/1.1 200 ");
const SESSION = Buffer.from('{"session":"');
const FRAMES = Buffer.from('","frames":[');
const PUBLICATION = Buffer.from('{"publication":');
const POSITIONS = Buffer.from(',"positions":');
const QUOTE = 0x22;
const FRAMES_END = 0x5d;

/**
 * Halley's long-poll without JSON: the `positions` of an answer are the end of its body, and become the end of the next
 * request as they are. Whatever is no publication is a failure.
 */
export class HalleyTalk implements PollTalk {
  readonly #options: HalleyTalkOptions;
  #session = "";
  #seq = 0;
  /** `,"positions":{…}}`. */
  #end: string;

  constructor(options: HalleyTalkOptions) {
    this.#options = options;
    this.#end = `${POSITIONS.toString()}{${options.channels.map((channel) => `"${channel}":{}`).join(",")}}}`;
  }

  request(): string {
    const { path, token } = this.#options;
    this.#seq += 1;
    const session = this.#session === "" ? "" : `"session":"${this.#session}",`;
    const body = `{${session}"token":"${token}","seq":${String(this.#seq)},"frames":[],"waitMs":${String(WAIT_MS)}${this.#end}`;
    return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;
  }

  take({ bytes, from, bodyAt, to }: HttpAnswer, onPublication: OnMessage): void {
    const body = bytes.subarray(0, to);
    const positionsAt = body.lastIndexOf(POSITIONS);
    const framesAt = body.indexOf(FRAMES, bodyAt);
    const isGood = body.subarray(from, from + OK.length).equals(OK) && body.subarray(bodyAt, bodyAt + SESSION.length).equals(SESSION) && framesAt !== -1 && positionsAt > framesAt;
    if (!isGood) throw new Error(`a poll was answered with ${bytes.toString("utf8", from, Math.min(to, from + 500))}`);
    if (this.#session === "") this.#session = body.toString("latin1", bodyAt + SESSION.length, body.indexOf(QUOTE, bodyAt + SESSION.length));
    this.#end = body.toString("latin1", positionsAt, to);
    eachPublication(body.subarray(0, positionsAt), framesAt + FRAMES.length, onPublication);
  }
}

/** `frames` ends behind the list of frames. */
function eachPublication(frames: Buffer, from: number, onPublication: OnMessage): void {
  if (frames[from] === FRAMES_END) return;
  let at = frames.indexOf(PUBLICATION, from);
  if (at !== from) throw new Error(`a poll was answered with ${frames.toString("utf8", from, from + 300)}`);
  while (at !== -1) {
    const next = frames.indexOf(PUBLICATION, at + PUBLICATION.length);
    onPublication(frames, at, next === -1 ? frames.length : next);
    at = next;
  }
}
