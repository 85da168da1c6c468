import { ByteBudget } from "../byteBudget.js";
import type { Clock } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS } from "./apiRequest.js";

/**
 * Answers under way at a time, at their largest: nats-server drops a connection as slow when 64 MiB wait for it (`max_pending`),
 * which they do where this process is busy for a moment; the other half is for what is published.
 */
const ANSWER_BYTES = 32 * 2 ** 20;
/** A message is taken to be no larger than this, until a larger one has come. */
const EXPECTED_BYTES = 192 * 1024;
/** A larger one is expected for so long again at least, and twice as long at most. */
const REMEMBER_MS = 60_000;

/** What an answer may take. */
export interface ExpectedAnswer {
  /** Asked for, at most, without the message with which the answer comes there. 0 where one message is asked for. */
  readonly bytes: number;
  /** By how much it is longer than the messages in it; 1 where left out. */
  readonly lengthening?: number;
}

/** What answers with stored messages may take over one connection, all together: 32 MiB. */
export class AnswerBudget {
  readonly #clock: Clock;
  readonly #budget: ByteBudget;
  /** The largest message of this minute, and of the one before. */
  #largestBytes = 0;
  #largestBeforeBytes = 0;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
    const late = (): Error => RpcError.natsUnavailable(`too many answers of JetStream are waited for; nothing could be asked within ${String(API_TIMEOUT_MS)} ms`);
    this.#budget = new ByteBudget({ bytes: ANSWER_BYTES, clock, waitMs: API_TIMEOUT_MS, late });
  }

  /** Questions that wait for room. */
  get waiting(): number {
    return this.#budget.waiting;
  }

  /** How large a message of an answer may be, as far as is known: the largest of the last minute or two, and 192 KiB at least. */
  get expectedMessageBytes(): number {
    this.#age();
    return Math.max(EXPECTED_BYTES, this.#largestBytes, this.#largestBeforeBytes);
  }

  /** Something of so many bytes came as an answer. */
  saw(bytes: number): void {
    if (bytes <= EXPECTED_BYTES) return;
    this.#age();
    this.#largestBytes = Math.max(this.#largestBytes, bytes);
  }

  /** Asks when there is room for the answer at its largest; settles as `ask` does. Rejects with NATS_UNAVAILABLE after 5 s without room. */
  run<T>({ bytes, lengthening = 1 }: ExpectedAnswer, ask: () => Promise<T>): Promise<T> {
    return this.#budget.run(Math.ceil((bytes + this.expectedMessageBytes) * lengthening), ask);
  }

  #age(): void {
    const forMs = this.#clock.monotonicMs() - this.#sinceMs;
    if (forMs < REMEMBER_MS) return;
    this.#largestBeforeBytes = forMs < 2 * REMEMBER_MS ? this.#largestBytes : 0;
    this.#largestBytes = 0;
    this.#sinceMs += forMs;
  }
}
