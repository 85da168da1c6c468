import type { NatsConnection } from "nats";
import { streamOf, subjects } from "../../../lib/bus/subjects.js";
import { stampedPayload } from "../../payload.js";

/** Unacknowledged at a time: fewer than JetStream lets wait for a stream. */
const TOGETHER = 5_000;
const ANSWER_LIMIT_MS = 30_000;

/** How many messages a namespace's stream holds. */
export async function storedMessages(nats: NatsConnection, namespace: string): Promise<number> {
  const answer = await nats.request(`$JS.API.STREAM.INFO.${streamOf(namespace)}`, undefined, { timeout: ANSWER_LIMIT_MS });
  return answer.json<{ state: { messages: number } }>().state.messages;
}

/** Publishes to some channels in turn, straight onto NATS, until their namespace's stream holds so many messages. Throws when it doesn't. */
export async function fillHistory(nats: NatsConnection, channels: readonly string[], { namespace, to, payloadBytes }: { readonly namespace: string; readonly to: number; readonly payloadBytes: number }): Promise<void> {
  const payload = Buffer.from(stampedPayload(0, payloadBytes));
  let missing = to - (await storedMessages(nats, namespace));
  while (missing > 0) {
    const count = Math.min(missing, TOGETHER);
    for (let index = 1; index < count; index++) nats.publish(subjects.publish(channels[index % channels.length] ?? ""), payload);
    // The answer to the last says that all before it were handled.
    const answer = await nats.request(subjects.publish(channels[0] ?? ""), payload, { timeout: ANSWER_LIMIT_MS });
    if (answer.json<{ seq?: number }>().seq === undefined) throw new Error(`JetStream refused a message: ${answer.string()}`);
    missing -= count;
  }
  const stored = await storedMessages(nats, namespace);
  if (stored < to) throw new Error(`the history holds ${String(stored)} messages of ${String(to)} that were published`);
}
