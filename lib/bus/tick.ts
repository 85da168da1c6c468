import { randomBytes } from "node:crypto";
import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS } from "./apiRequest.js";
import type { Bus } from "./bus.js";
import { subjects } from "./subjects.js";

/** Tells a tick from every other one, also from one that stands under the same sequence after a roll-back. */
const MARK_BYTES = 8;

/** What a tick holds: unlike every other. */
export function tickMark(): Uint8Array {
  return randomBytes(MARK_BYTES);
}

/**
 * Stores a tick in a namespace's stream; gives its sequence. Only the leader that a majority follows can acknowledge it: it
 * comes behind everything that was acknowledged before. Throws NATS_UNAVAILABLE.
 */
export async function storeTick(bus: Bus, namespace: string): Promise<number> {
  const answer = await bus.request(subjects.tick(namespace), tickMark(), API_TIMEOUT_MS);
  const { seq, error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { seq?: number; error?: { description?: string } };
  // A refusal may name the sequence 0.
  if (error || seq === undefined) throw RpcError.natsUnavailable(`a tick of ${namespace} could not be stored: ${error?.description ?? "no acknowledgement"}`);
  return seq;
}
