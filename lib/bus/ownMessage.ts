import type { Bus, PublishHeaders } from "./bus.js";
import { fetchMessage } from "./fetchMessage.js";
import { header } from "./subjects.js";

/** What was sent. */
export interface SentMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: PublishHeaders;
}

/**
 * Whether the message that JetStream takes a retry for was stored by an earlier try of the same publish, whose answer was lost,
 * and not by another one with the same id. False where that can't be told: it is gone already, or NATS doesn't answer.
 */
export async function isOwnMessage(bus: Bus, stream: string, sequence: number, { subject, data, headers }: SentMessage): Promise<boolean> {
  try {
    const stored = await fetchMessage(bus, stream, sequence);
    // Tries of one publish have the same time.
    return stored?.subject === subject && stored.headers.last(header.time) === headers.get(header.time) && Buffer.from(data).equals(stored.data);
  } catch {
    return false;
  }
}
