import { Client, credentials } from "@grpc/grpc-js";
import { DEADLINE_MS, UNARY_IN_FLIGHT } from "./grpcPublisher.js";
import type { Way } from "./rateRun.js";

/** Of the floor's only method. */
export const EMPTY_CALL_PATH = "/halley.bench.Floor/Empty";
const NOTHING = Buffer.alloc(0);
const asIs = (bytes: Buffer): Buffer => bytes;

/** The floor of unary publishing: empty calls of the same client, as many at a time, to a server that does nothing. */
export function emptyCalls(port: number): Way {
  const client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure());
  return {
    inFlight: UNARY_IN_FLIGHT,
    send: (onAcknowledged, onFailure) => {
      client.makeUnaryRequest(EMPTY_CALL_PATH, asIs, asIs, NOTHING, { deadline: Date.now() + DEADLINE_MS }, (error) => {
        if (error) onFailure(error);
        else onAcknowledged(1);
      });
    },
  };
}
