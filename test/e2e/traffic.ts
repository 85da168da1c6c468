import { eventually } from "../helpers/eventually.js";
import { type TestPublisher, toChannel } from "../helpers/publishService.js";

/** 1, 2, 3, … */
export const countTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Publishes 1, 2, 3, … until it is stopped; each is acknowledged before the next. */
export class Traffic {
  readonly #publisher: TestPublisher;
  readonly #channel: string;
  #isStopped = false;
  #count = 0;
  readonly #done: Promise<void>;

  constructor(publisher: TestPublisher, channel: string) {
    this.#publisher = publisher;
    this.#channel = channel;
    this.#done = this.#run();
  }

  /** How many were acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** Waits until so many more were acknowledged. */
  async flow(more: number): Promise<void> {
    const goal = this.#count + more;
    await eventually(() => this.#count >= goal);
  }

  /** Ends it; gives everything that was acknowledged. */
  async stop(): Promise<number[]> {
    this.#isStopped = true;
    await this.#done;
    return countTo(this.#count);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const number = this.#count + 1;
      await this.#publishUntilStored(number);
      this.#count = number;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** As a backend does it: the same key until there is an answer. */
  async #publishUntilStored(number: number): Promise<void> {
    await eventually(async () => {
      await this.#publisher.publish(toChannel(this.#channel, number, { key: String(number) }));
      return true;
    }, 20_000);
  }
}
