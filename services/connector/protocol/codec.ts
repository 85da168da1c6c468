import type { ClientFrame } from "../../../gen/halley/v1/client.js";
import { binaryCodec } from "./binaryCodec.js";
import { jsonCodec } from "./jsonCodec.js";
import type { ReadFrame } from "./readFrame.js";
import type { ServerFrame } from "./serverFrame.js";

/** A client frame, as generated from the contract. */
export type { ClientFrame };

/** One of the two encodings of the protocol. */
export interface Codec {
  /** The WebSocket subprotocol that chooses it. */
  readonly subprotocol: string;
  /** Whether its WebSocket messages are binary. */
  readonly binary: boolean;
  /** One frame, such that frames written one after the other with `separator` between make one message. */
  encode(frame: ServerFrame): Buffer;
  readonly separator: Buffer;
  /**
   * The frames of one WebSocket message. Throws MALFORMED_FRAME when the message can't be taken apart at all, and
   * TOO_MANY_FRAMES when it holds more than `maxFrames`: no work is spent on them.
   */
  decode(message: Buffer, maxFrames: number): readonly ReadFrame[];
}

/** The codec that a client's list of subprotocols chooses; JSON when it names none of ours. */
export function chooseCodec(subprotocols: Iterable<string>): Codec {
  for (const name of subprotocols) {
    for (const codec of [jsonCodec, binaryCodec]) if (codec.subprotocol === name) return codec;
  }
  return jsonCodec;
}
