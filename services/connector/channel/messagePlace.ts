import type { BusHeaders, BusMessage } from "../../../lib/bus/bus.js";
import { header } from "../../../lib/bus/subjects.js";

/** Where a republished message stands in its channel. */
export interface MessagePlace {
  /** Its sequence in the stream. */
  readonly sequence: number;
  /** The sequence of the message before it on its subject, still stored when it was stored; 0 when there was none. */
  readonly previous: number;
  readonly headers: BusHeaders;
}

/**
 * Reads where a message stands. "unreadable" where its headers can't be parsed: it is stored, but this copy doesn't say
 * where. Undefined where it doesn't come from a stream.
 */
export function readPlace(message: BusMessage): MessagePlace | "unreadable" | undefined {
  let headers: BusHeaders | undefined;
  try {
    headers = message.headers;
  } catch {
    return "unreadable";
  }
  const sequence = Number(headers?.last(header.sequence));
  if (!headers || !Number.isSafeInteger(sequence) || sequence <= 0) return undefined;
  return { sequence, previous: Number(headers.last(header.lastSequence)) || 0, headers };
}
