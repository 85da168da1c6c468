import { namespaceOf } from "../channel/channelName.js";
import type { Bus, PublishHeaders } from "./bus.js";
import { fetchMessage } from "./fetchMessage.js";
import type { Stored } from "./publisher.js";
import { header, streamOf, subjects } from "./subjects.js";

/** What was sent to a channel with history. */
export interface SentMessage {
  readonly channel: string;
  /** The idempotency key; "" where the message id is a random one, which no other publish can have. */
  readonly key: string;
  readonly data: Uint8Array;
  readonly headers: PublishHeaders;
}

/**
 * Whether another publish stored the message first. What only our own earlier try stored, whose answer was lost, is none: the
 * stored message is looked at. True where that can't be told: it is gone already, or NATS doesn't answer.
 */
export function isDuplicate(bus: Bus, sent: SentMessage, { sequence, duplicate, retried }: Stored): boolean | Promise<boolean> {
  if (!duplicate || !retried) return duplicate;
  // The first try was stored, but perhaps never republished: connectors behind it look.
  if (bus.connected) bus.publish(subjects.nudge(sent.channel), Buffer.from(String(sequence)));
  return sent.key !== "" && storedByAnother(bus, sent, sequence);
}

async function storedByAnother(bus: Bus, { channel, data, headers }: SentMessage, sequence: number): Promise<boolean> {
  try {
    const stored = await fetchMessage(bus, streamOf(namespaceOf(channel)), sequence);
    if (stored?.subject !== subjects.publish(channel)) return true;
    // Tries of one publish have the same time.
    return stored.headers.last(header.time) !== headers.get(header.time) || !Buffer.from(data).equals(stored.data);
  } catch {
    return true;
  }
}
