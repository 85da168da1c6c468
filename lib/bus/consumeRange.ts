import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS, askJetStream } from "./apiRequest.js";
import type { Bus, BusMessage } from "./bus.js";
import { statusOf } from "./requestMux.js";
import type { Range } from "./range.js";
import { type ConsumedMessage, fromConsumedMessage, type StoredMessage } from "./storedMessage.js";

/** Messages asked for at once. */
const BATCH = 500;
/**
 * Asked for beyond the bytes that are wanted: the server counts subjects and headers too, and stops before the message that
 * would exceed. One that is larger is not delivered here at all, but read by itself.
 */
const SLACK_BYTES = 64 * 1024;
/** Forgotten by the server after this long without a request, should our delete not arrive. In nanoseconds. */
const INACTIVE_NS = 10_000_000_000;

/**
 * Reads a stretch of a channel through a consumer that lives for this call: in memory, without acknowledgements, in stream
 * order, no more than the range allows. May end early, also with nothing, before a message that is larger than what is left
 * of the range's bytes, and where the consumer's replica lags behind the leader. Throws NATS_UNAVAILABLE when a message of the
 * delivery is missing or its server goes away.
 */
export async function consumeRange(bus: Bus, stream: string, range: Range): Promise<StoredMessage[]> {
  const consumer = await createConsumer(bus, stream, range);
  try {
    return await readThrough(bus, stream, consumer, range);
  } finally {
    if (bus.connected) bus.publish(`$JS.API.CONSUMER.DELETE.${stream}.${consumer.name}`, new Uint8Array());
  }
}

interface Consumer {
  readonly name: string;
  /** Messages at or after the start when it was made. */
  readonly pending: number;
}

async function createConsumer(bus: Bus, stream: string, { subject, from }: Range): Promise<Consumer> {
  const config = {
    deliver_policy: "by_start_sequence",
    opt_start_seq: from,
    filter_subject: subject,
    ack_policy: "none",
    replay_policy: "instant",
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_NS,
  };
  const made = await askJetStream<{ name: string; num_pending?: number }>(bus, `CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
  return { name: made.name, pending: made.num_pending ?? 0 };
}

async function readThrough(bus: Bus, stream: string, consumer: Consumer, range: Range): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  let bytes = 0;
  let delivered = 0;
  while (delivered < consumer.pending && messages.length < range.maxMessages) {
    const count = Math.min(BATCH, consumer.pending - delivered, range.maxMessages - messages.length);
    const batch = await fetchBatch(bus, `${stream}.${consumer.name}`, count, range.maxBytes - bytes);
    if (batch.length === 0) break;
    for (const { message, delivery } of batch) {
      delivered += 1;
      if (delivery !== delivered) throw RpcError.natsUnavailable(`a message of ${stream} was lost on its way; read again`);
      if (message.sequence > range.to) return messages;
      messages.push(message);
      bytes += message.data.length;
      if (bytes >= range.maxBytes) return messages;
    }
  }
  return messages;
}

/** One pull request: resolves with what came until the batch is full or the server ends it with a status. */
function fetchBatch(bus: Bus, consumer: string, count: number, maxBytes: number): Promise<ConsumedMessage[]> {
  return new Promise((resolve, reject) => {
    const inbox = bus.createInbox();
    const batch: ConsumedMessage[] = [];
    const finish = (error?: Error): void => {
      clearTimeout(timeout);
      subscription.unsubscribe();
      if (error) reject(error);
      else resolve(batch);
    };
    const onMessage = (message: BusMessage): void => {
      // A status has nothing to acknowledge; a stored message may have a status line of its publisher's.
      if (message.data.length === 0 && statusOf(message) !== 0 && message.reply?.startsWith("$JS.ACK.") !== true) {
        finish();
        return;
      }
      bus.answers.saw(message.data.length);
      batch.push(fromConsumedMessage(message));
      if (batch.length === count) finish();
    };
    const subscription = bus.subscribe(inbox, onMessage);
    const timeout = setTimeout(() => { finish(RpcError.natsUnavailable(`the consumer ${consumer} does not answer`)); }, API_TIMEOUT_MS);
    try {
      const body = JSON.stringify({ batch: count, no_wait: true, max_bytes: maxBytes + SLACK_BYTES });
      bus.publish(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, Buffer.from(body), { reply: inbox });
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
