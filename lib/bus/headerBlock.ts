import type { BusHeaders } from "./bus.js";

/**
 * Parses a stored header block (`NATS/1.0\r\nName: value\r\n…`) leniently: lines that are no header are passed over, names
 * may hold anything. Publishers can store blocks that a strict parser refuses, and one such message must not stop the
 * reading of a channel.
 */
export function parseHeaderBlock(block: Uint8Array): BusHeaders {
  const values = new Map<string, string>();
  for (const line of Buffer.from(block).toString("utf8").split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    // A later value replaces an earlier one: the last counts.
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { code: 0, keys: () => [...values.keys()], last: (name) => values.get(name) ?? "" };
}

/** The headers of messages that have none. */
export const noHeaders: BusHeaders = { code: 0, keys: () => [], last: () => "" };
