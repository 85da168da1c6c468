import { RpcError } from "../../../lib/errors/rpcError.js";

/** The publishes of one session that wait for their answer: at most so many at a time, over all its connections here. */
export class PublishSlots {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Publishes, and settles as that does. Rejects with OVERLOADED, and publishes nothing, when too many wait already. */
  async run<T>(publish: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#limit) {
      throw new RpcError("OVERLOADED", `${String(this.#taken)} publishes of this session wait for their answer already`, { retryAfterMs: 1_000 });
    }
    this.#taken += 1;
    try {
      return await publish();
    } finally {
      this.#taken -= 1;
    }
  }
}
