import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../random.js";
import type { Ledger } from "../world/ledger.js";
import { untilReached } from "../world/untilReached.js";
import type { StressClient } from "./client.js";

/** Who publishes what. */
export interface PublishersOptions {
  readonly clients: readonly StressClient[];
  readonly channels: readonly string[];
  readonly ledger: Ledger;
  readonly random: Random;
  /** Between two messages of a client, in milliseconds. */
  readonly everyMs: number;
  /** The key of a client's so-manieth message on a channel; unlike all others where left out. */
  readonly keyOf?: (count: number) => string;
}

/** Longer than anything that a scenario does to a connection. */
const ANSWER_MS = 30_000;

/** Browsers that publish numbered messages with keys until they are stopped; each sends again until it is answered. */
export class Publishers {
  readonly #options: PublishersOptions;
  readonly #faults: string[] = [];
  readonly #lanes: Promise<void>[];
  #isStopped = false;
  #count = 0;
  #duplicates = 0;
  static #last = 1_000_000_000;

  constructor(options: PublishersOptions) {
    this.#options = options;
    this.#lanes = options.clients.map((client) => this.#publish(client));
  }

  /** How many were acknowledged as stored before: their first answer was lost. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Waits until so many more were answered. Throws when for so long none is. */
  async flow(more: number, limitMs = 30_000): Promise<void> {
    const began = this.#count;
    if (await untilReached(() => this.#count, began + more, limitMs)) return;
    throw new Error(`browsers published ${String(this.#count - began)} of ${String(more)} messages, and no more for ${String(limitMs)} ms`);
  }

  /** Ends when what is under way is answered. Gives what was wrong. */
  async stop(): Promise<string[]> {
    this.#isStopped = true;
    await Promise.all(this.#lanes);
    return this.#faults;
  }

  async #publish(client: StressClient): Promise<void> {
    const { channels, random, everyMs, keyOf = String } = this.#options;
    const counts = new Map<string, number>();
    while (!this.#isStopped) {
      const channel = random.pick(channels);
      const count = (counts.get(channel) ?? 0) + 1;
      counts.set(channel, count);
      await this.#untilAnswered(client, channel, keyOf(count));
      await pause(everyMs);
    }
  }

  async #untilAnswered(client: StressClient, channel: string, key: string): Promise<void> {
    const ledger = this.#options.ledger.of(channel);
    const number = ++Publishers.#last;
    ledger.begin(number);
    const limit = new AbortController();
    const answer = await Promise.race([client.publish(channel, number, key), pause(ANSWER_MS, undefined, limit).catch(() => undefined)]);
    limit.abort();
    this.#count += 1;
    const position = answer?.published?.position;
    if (!answer) this.#faults.push(`${client.state.name}: a publish was not answered within ${String(ANSWER_MS)} ms`);
    else if (!position) this.#faults.push(`${client.state.name}: a publish was refused: ${answer.error?.reason ?? "without a position"}`);
    else {
      if (answer.published.duplicate === true) this.#duplicates += 1;
      const fault = ledger.acknowledge(position, number);
      if (fault !== undefined) this.#faults.push(`${channel}: ${fault}`);
    }
  }
}
