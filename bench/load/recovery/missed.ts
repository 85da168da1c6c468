import type { NatsConnection } from "nats";
import { subjects } from "../../../lib/bus/subjects.js";
import { stampedPayload } from "../../payload.js";

/** What was published to each channel while nobody listened: the offsets, in order. */
export type Missed = Readonly<Record<string, readonly number[]>>;

const UNDER_WAY = 1_000;
const ANSWER_LIMIT_MS = 10_000;

/** Publishes so many messages to each channel, one channel after the other in turn, straight onto NATS. Throws when one is not stored. */
export async function publishMissed(nats: NatsConnection, channels: readonly string[], { each, payloadBytes }: { readonly each: number; readonly payloadBytes: number }): Promise<Missed> {
  const missed: Record<string, number[]> = Object.fromEntries(channels.map((channel) => [channel, []]));
  const all = Array.from({ length: each * channels.length }, (_, index) => ({ channel: channels[index % channels.length] ?? "", payload: stampedPayload(index + 1, payloadBytes) }));
  for (let at = 0; at < all.length; at += UNDER_WAY) {
    await Promise.all(
      all.slice(at, at + UNDER_WAY).map(async ({ channel, payload }) => {
        const answer = await nats.request(subjects.publish(channel), Buffer.from(payload), { timeout: ANSWER_LIMIT_MS });
        const { seq } = answer.json<{ seq?: number }>();
        if (seq === undefined) throw new Error(`JetStream refused a message: ${answer.string()}`);
        missed[channel]?.push(seq);
      }),
    );
  }
  return missed;
}
