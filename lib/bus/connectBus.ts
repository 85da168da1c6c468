import { type Clock, sleep } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { Bus, type BusOptions } from "./bus.js";

const RETRY_MS = 1_000;

/**
 * Connects to NATS, trying again until a server answers: services are often started before it. Throws the signal's reason
 * when aborted, and at once what can't mend itself (refused credentials).
 */
export async function connectBus(options: BusOptions, clock: Clock, signal: AbortSignal): Promise<Bus> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await Bus.connect(options);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (attempt === 1) options.log.warn({ err: error }, "waiting for NATS");
      await sleep(clock, RETRY_MS, signal);
    }
  }
}
