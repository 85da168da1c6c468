import { RpcError } from "../errors/rpcError.js";
import type { Bus, BusMessage } from "./bus.js";
import type { PublishHeaders } from "./publishHeaders.js";
import { header } from "./subjects.js";
import { type TokenHolder, Tokens } from "./tokens.js";

/** What is asked. */
export interface Question {
  readonly subject: string;
  readonly data: Uint8Array;
  /** For the whole answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly headers?: PublishHeaders | undefined;
}

interface Waiting extends TokenHolder {
  readonly subject: string;
  /** Takes a part of the answer; false: more must come. */
  readonly take: (message: BusMessage) => boolean;
  readonly reject: (error: Error) => void;
  readonly timeout: NodeJS.Timeout;
}

/**
 * Requests over one inbox: each has a numbered subject for its answer. Our own, because the one of `nats` reads the headers
 * of every answer, and closes the connection's reader when a publisher's header names, in an answer of Direct Get, can't be
 * parsed.
 */
export class RequestMux {
  readonly #bus: Bus;
  readonly #inbox: string;
  readonly #waiting = new Tokens<Waiting>();

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#inbox = bus.createInbox();
    bus.subscribe(`${this.#inbox}.*`, (message) => { this.#onAnswer(message); });
    bus.onEvent((event) => {
      if (event === "disconnected" || event === "closed") this.#rejectAll();
    });
  }

  /** The first answer. Throws NATS_UNAVAILABLE when nobody is there, after `timeoutMs`, and when the connection breaks. */
  request(subject: string, data: Uint8Array, timeoutMs: number, headers?: PublishHeaders): Promise<BusMessage> {
    return this.requestMany({ subject, data, timeoutMs, headers }, (message) => message);
  }

  /**
   * An answer of several messages, in the order in which they were sent: `take` is given each until it gives what they mean
   * together, or throws. Throws NATS_UNAVAILABLE as `request` does; the time is that for the whole answer.
   */
  requestMany<T extends object>({ subject, data, timeoutMs, headers }: Question, take: (message: BusMessage) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => { this.#fail(waiting, `no answer from ${subject} within ${String(timeoutMs)} ms`); }, timeoutMs);
      const takePart = (message: BusMessage): boolean => {
        const outcome = take(message);
        if (outcome) resolve(outcome);
        return outcome !== undefined;
      };
      const waiting: Waiting = { subject, take: takePart, reject, timeout, token: "", id: 0 };
      this.#waiting.add(waiting);
      try {
        this.#bus.publish(subject, data, { reply: `${this.#inbox}.${waiting.token}`, ...(headers ? { headers } : {}) });
      } catch (error) {
        this.#refuse(waiting, asError(error));
      }
    });
  }

  #onAnswer(message: BusMessage): void {
    const waiting = this.#waiting.find(message.subject.slice(this.#inbox.length + 1));
    if (isNoResponders(message)) {
      if (waiting) this.#fail(waiting, "nobody answers");
      return;
    }
    this.#bus.answers.saw(message.data.length);
    if (!waiting) return;
    try {
      if (waiting.take(message)) this.#end(waiting);
    } catch (error) {
      this.#refuse(waiting, asError(error));
    }
  }

  #fail(waiting: Waiting, why: string): void {
    this.#refuse(waiting, RpcError.natsUnavailable(`${waiting.subject}: ${why}`));
  }

  #refuse(waiting: Waiting, error: Error): void {
    this.#end(waiting);
    waiting.reject(error);
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    clearTimeout(waiting.timeout);
  }

  #rejectAll(): void {
    for (const waiting of this.#waiting.inOrder()) this.#fail(waiting, "the connection to NATS broke");
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The status of a message that nobody listens for the subject. */
const NO_RESPONDERS = 503;

/** A stored message, whose status line is its publisher's, comes with its place in the stream; the server's own word doesn't. */
function isNoResponders(message: BusMessage): boolean {
  return message.data.length === 0 && statusOf(message) === NO_RESPONDERS && message.headers?.last(header.sequence) === "";
}

/** The status code of a message of the server; 0 for ordinary ones and for headers that can't be read. */
export function statusOf(message: BusMessage): number {
  try {
    return message.headers?.code ?? 0;
  } catch {
    return 0;
  }
}
