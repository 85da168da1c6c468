import { API_TIMEOUT_MS, askJetStream, JetStreamError, jetStreamErrorCode } from "./apiRequest.js";
import type { Bus } from "./bus.js";
import { type ApiMessage, fromApiMessage, type StoredMessage } from "./storedMessage.js";

/** The message under a sequence, by the stream's leader; undefined when none is stored there. Throws NATS_UNAVAILABLE after `timeoutMs`. */
export async function fetchMessage(bus: Bus, stream: string, sequence: number, timeoutMs = API_TIMEOUT_MS): Promise<StoredMessage | undefined> {
  try {
    const { message } = await askJetStream<{ message: ApiMessage }>(bus, `STREAM.MSG.GET.${stream}`, { seq: sequence }, timeoutMs);
    return fromApiMessage(message);
  } catch (error) {
    if (error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.noMessageFound) return undefined;
    throw error;
  }
}
