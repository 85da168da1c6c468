import type { BusMessage } from "../../../lib/bus/bus.js";

/** How many live messages may wait, and how many bytes, with their headers. Past it none does: the stream has them all. */
export interface WaitingBounds {
  readonly waitingMessages: number;
  readonly waitingBytes: number;
}

/** Live messages that came while a channel was not live, oldest first: all of them, or, past the bounds, none. */
export class WaitingMessages {
  readonly #bounds: WaitingBounds;
  #messages: BusMessage[] = [];
  #bytes = 0;
  #hasOverflowed = false;

  constructor(bounds: WaitingBounds) {
    this.#bounds = bounds;
  }

  /** Whether some were dropped, so that the stream must be read up to what it has now. */
  get hasOverflowed(): boolean {
    return this.#hasOverflowed;
  }

  /** The oldest; undefined when none waits. */
  get first(): BusMessage | undefined {
    return this.#messages[0];
  }

  add(message: BusMessage): void {
    const { waitingMessages, waitingBytes } = this.#bounds;
    if (this.#hasOverflowed) return;
    if (this.#messages.length >= waitingMessages || this.#bytes >= waitingBytes) {
      this.drop();
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.size();
  }

  /** Drops them all, and what comes until `clear` or `takeUntil`. */
  drop(): void {
    this.clear();
    this.#hasOverflowed = true;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.#hasOverflowed = false;
  }

  /**
   * Hands the messages to `take`, oldest first, until it returns something: that is returned, and the message that it came
   * for is the first again.
   */
  takeUntil<T>(take: (message: BusMessage) => T | undefined): T | undefined {
    const messages = this.#messages;
    this.clear();
    for (const [at, message] of messages.entries()) {
      const found = take(message);
      if (found === undefined) continue;
      for (const left of messages.slice(at)) this.add(left);
      return found;
    }
    return undefined;
  }

  /** Removes the oldest. */
  shift(): void {
    const message = this.#messages.shift();
    if (message) this.#bytes -= message.size();
  }
}
