import { setTimeout as pause } from "node:timers/promises";
import type { OnMessage } from "../frameReader.js";
import { Poller, type PollerListener } from "./poller.js";
import type { PollTalk } from "./pollTalk.js";

const CONCURRENCY = 100;
const ARRIVAL_LIMIT_MS = 20_000;

/** Many pollers of one server. */
export class PollCrowd {
  readonly #pollers: Poller[] = [];
  readonly #listener: PollerListener;
  #failure: Error | undefined;
  #answers = 0;
  #publications = 0;
  /** Called for every publication at any of them. */
  onPublication: OnMessage = () => undefined;
  /** Called with the body of every answer. */
  onAnswer: PollerListener["onAnswer"] = () => undefined;

  constructor() {
    this.#listener = {
      onPublication: (bytes, from, to) => {
        this.#publications += 1;
        this.onPublication(bytes, from, to);
      },
      onAnswer: (bytes, bodyAt, to) => {
        this.#answers += 1;
        this.onAnswer(bytes, bodyAt, to);
      },
      onFailure: (error) => { this.#failure ??= error; },
    };
  }

  get size(): number {
    return this.#pollers.length;
  }

  /** Answers, and publications in them, at all pollers since they were opened. */
  get answers(): number {
    return this.#answers;
  }

  get publications(): number {
    return this.#publications;
  }

  /** Opens so many; resolves when each has got its first answer. */
  async open(port: number, count: number, talkOf: (poller: number) => PollTalk): Promise<void> {
    let next = 0;
    const openSome = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) this.#pollers[index] = await Poller.open(port, talkOf(index), this.#listener);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, openSome));
  }

  /** Counts from nothing again, for `expect`. */
  reset(): void {
    this.#publications = 0;
    for (const poller of this.#pollers) poller.publications = 0;
  }

  /** Waits until all have received what they were sent since `reset`; throws when one has not in time, or received more. */
  async expect(sentTo: (poller: number) => number): Promise<void> {
    const total = this.#pollers.reduce((sum, _, index) => sum + sentTo(index), 0);
    const deadlineMs = performance.now() + ARRIVAL_LIMIT_MS;
    while (this.#publications < total && !this.#failure && performance.now() < deadlineMs) await pause(10);
    if (this.#failure) throw this.#failure;
    const wrong = this.#pollers.findIndex(({ publications }, index) => publications !== sentTo(index));
    if (wrong !== -1) throw new Error(`poller ${String(wrong)} received ${String(this.#pollers[wrong]?.publications)} messages of ${String(sentTo(wrong))}`);
  }

  /** Throws when one of them has failed. */
  assertWell(): void {
    if (this.#failure) throw this.#failure;
  }

  close(): void {
    for (const poller of this.#pollers.splice(0)) poller.close();
  }
}
