import { namespaceOf } from "../channel/channelName.js";
import type { Bus } from "./bus.js";
import { fetchMessage } from "./fetchMessage.js";
import type { PublishHeaders } from "./publishHeaders.js";
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
 * Whether another publish stored what JetStream takes our retry for a duplicate of; otherwise it was an earlier try of ours, whose
 * answer was lost: the stored message is looked at. True where that can't be told: it is gone already, or NATS doesn't answer
 * within `withinMs`. Connectors are told to look, too: what an earlier try stored was perhaps never republished.
 */
export async function storedByAnother(bus: Bus, { channel, key, data, headers }: SentMessage, sequence: number, withinMs: number): Promise<boolean> {
  if (bus.connected) bus.publish(subjects.nudge(channel), Buffer.from(String(sequence)));
  if (key === "") return false;
  if (withinMs <= 0) return true;
  try {
    const stored = await fetchMessage(bus, streamOf(namespaceOf(channel)), sequence, withinMs);
    if (stored?.subject !== subjects.publish(channel)) return true;
    // Tries of one publish have the same time.
    return stored.headers.last(header.time) !== headers.get(header.time) || !Buffer.from(data).equals(stored.data);
  } catch {
    return true;
  }
}
