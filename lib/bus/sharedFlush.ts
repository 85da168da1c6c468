import type { Clock } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import type { Bus } from "./bus.js";

/** Round trips to the NATS server that prove that it has everything sent before; those who ask meanwhile share the next. */
export class SharedFlush {
  readonly #bus: Bus;
  readonly #clock: Clock;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Resolves when the server has handled what was sent before this call. Rejects with NATS_UNAVAILABLE, at the latest after `deadlineMs`. */
  afterNow(deadlineMs: number): Promise<void> {
    this.#next ??= this.#afterCurrent();
    return this.#within(this.#next, deadlineMs);
  }

  async #afterCurrent(): Promise<void> {
    await (this.#current ?? Promise.resolve()).catch(() => undefined);
    this.#current = this.#bus.flush();
    this.#next = undefined;
    return this.#current;
  }

  #within(flushed: Promise<void>, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(deadlineMs, () => { reject(RpcError.natsUnavailable("the NATS server did not confirm in time")); });
      flushed.then(resolve, reject).finally(() => { timer.cancel(); });
    });
  }
}
