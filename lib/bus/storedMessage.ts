import type { BusHeaders, BusMessage } from "./bus.js";
import { noHeaders, parseHeaderBlock } from "./headerBlock.js";
import { header } from "./subjects.js";

/** A message as JetStream has stored it. */
export interface StoredMessage {
  readonly subject: string;
  /** Sequence in the stream, from 1. */
  readonly sequence: number;
  /** When it was stored, milliseconds since 1970, by the clock of the leader of that moment. */
  readonly timeMs: number;
  readonly headers: BusHeaders;
  readonly data: Uint8Array;
}

/** The `message` of a STREAM.MSG.GET answer. */
export interface ApiMessage {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
  readonly time: string;
}

/** Reads a STREAM.MSG.GET answer; never throws on odd headers. */
export function fromApiMessage({ subject, seq, hdrs, data, time }: ApiMessage): StoredMessage {
  return {
    subject,
    sequence: seq,
    timeMs: Date.parse(time),
    headers: hdrs === undefined ? noHeaders : parseHeaderBlock(Buffer.from(hdrs, "base64")),
    data: data === undefined ? new Uint8Array() : Buffer.from(data, "base64"),
  };
}

/** Reads a Direct Get answer. Throws where a publisher's header names are invalid. */
export function fromDirectMessage(message: BusMessage): StoredMessage {
  const headers = message.headers ?? noHeaders;
  return {
    subject: headers.last(header.subject),
    sequence: Number(headers.last(header.sequence)),
    timeMs: Date.parse(headers.last(header.timestamp)),
    headers,
    data: message.data,
  };
}

/** A message that a consumer delivered, and its place in the delivery. */
export interface ConsumedMessage {
  readonly message: StoredMessage;
  /** 1, 2, 3, … within the consumer. */
  readonly delivery: number;
}

/**
 * Reads a message that a pull consumer delivered: where it stands is in the reply subject,
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<ns>.<pending>`, with two more tokens
 * (domain, account) after `ACK` from some servers.
 */
export function fromConsumedMessage(message: BusMessage): ConsumedMessage {
  const tokens = (message.reply ?? "").split(".");
  const at = tokens.length >= 11 ? 4 : 2;
  return {
    delivery: Number(tokens[at + 4]),
    message: {
      subject: message.subject,
      sequence: Number(tokens[at + 3]),
      timeMs: Math.floor(Number(tokens[at + 5]) / 1_000_000),
      headers: readableHeaders(message),
      data: message.data,
    },
  };
}

/** Consumed messages need none of the headers for their place, so unreadable ones are as good as none. */
function readableHeaders(message: BusMessage): BusHeaders {
  try {
    return message.headers ?? noHeaders;
  } catch {
    return noHeaders;
  }
}
