import { RpcError } from "../errors/rpcError.js";
import type { Bus } from "./bus.js";

/** An error that JetStream's API answered with. */
export class JetStreamError extends Error {
  /** NATS's own number of the fault, like 10059 (stream not found). */
  readonly errorCode: number;

  constructor(errorCode: number, description: string) {
    super(`JetStream: ${description} (${String(errorCode)})`);
    this.name = "JetStreamError";
    this.errorCode = errorCode;
  }
}

/** NATS's numbers of the faults that Halley tells apart (server/errors.json of nats-server). */
export const jetStreamErrorCode = {
  noMessageFound: 10037,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  streamWrongExpected: 10060,
  duplicateInFlight: 10158,
} as const;

/** One round trip; a healthy JetStream answers within milliseconds, one in an election within a few seconds. */
export const API_TIMEOUT_MS = 5_000;

/**
 * Asks JetStream's API (`$JS.API.<call>`). The stream's leader answers all calls but DIRECT. Throws JetStreamError with the
 * API's own error, NATS_UNAVAILABLE when there is no answer.
 */
export async function askJetStream<T>(bus: Bus, call: string, body: object | undefined, timeoutMs = API_TIMEOUT_MS): Promise<T> {
  const answer = await bus.request(`$JS.API.${call}`, body ? JSON.stringify(body) : "", timeoutMs);
  const parsed = JSON.parse(Buffer.from(answer.data).toString("utf8")) as T & {
    error?: { code: number; err_code?: number; description?: string };
  };
  if (parsed.error) {
    const { code, err_code: errorCode, description } = parsed.error;
    // 503: JetStream has no leader at the moment.
    if (code === 503) throw RpcError.natsUnavailable(`JetStream is not available: ${description ?? "no reason given"}`);
    throw new JetStreamError(errorCode ?? code, description ?? "no description");
  }
  return parsed;
}
