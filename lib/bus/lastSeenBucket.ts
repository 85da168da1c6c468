import { ErrorCode, NatsError, StorageType } from "nats";
import { RpcError } from "../errors/rpcError.js";
import type { Bus } from "./bus.js";
import { LAST_SEEN_BUCKET } from "./subjects.js";

/** How long a last-seen time is kept. */
export const LAST_SEEN_AGE_MS = 30 * 86_400_000;
/** About 10 million users; the oldest entries are not dropped at the limit, new ones are refused. */
const MAX_BYTES = 2 ** 30;

/** Creates the KV bucket of last-seen times unless it is there. Throws NATS_UNAVAILABLE when JetStream doesn't answer. */
export async function ensureLastSeenBucket(bus: Bus, replicas: number): Promise<void> {
  try {
    const options = { history: 1, ttl: LAST_SEEN_AGE_MS, replicas, storage: StorageType.File, max_bytes: MAX_BYTES };
    await bus.connection.jetstream().views.kv(LAST_SEEN_BUCKET, options);
  } catch (error) {
    if (error instanceof NatsError && TEMPORARY.has(error.code)) {
      throw RpcError.natsUnavailable("JetStream does not answer for the last-seen bucket", error);
    }
    throw error;
  }
}

const TEMPORARY = new Set<string>([ErrorCode.Timeout, ErrorCode.NoResponders, ErrorCode.JetStream408RequestTimeout, ErrorCode.JetStreamNotEnabled, ErrorCode.Disconnect]);
