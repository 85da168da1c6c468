import type { PublishResponse } from "../../gen/halley/v1/publish.js";
import type { Bus } from "../../lib/bus/bus.js";
import { storedByAnother } from "../../lib/bus/duplicate.js";
import type { Publisher, Stored } from "../../lib/bus/publisher.js";
import type { PublishHeaders } from "../../lib/bus/publishHeaders.js";
import { SharedFlush } from "../../lib/bus/sharedFlush.js";
import { header, subjects } from "../../lib/bus/subjects.js";
import type { Clock } from "../../lib/clock.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { AcceptedMessage } from "./acceptMessage.js";
import type { Histories } from "./histories.js";
import { messageHeaders } from "./messageHeaders.js";

/** The longest that a publish waits for JetStream, whatever the caller's deadline. */
export const MAX_WAIT_MS = 5_000;

/** What sending needs. */
export interface SenderParts {
  readonly bus: Bus;
  readonly publisher: Publisher;
  readonly histories: Histories;
  readonly clock: Clock;
}

/** What comes from the call that a message belongs to. */
export interface SendOptions {
  /** How long the caller will wait, in milliseconds. */
  readonly deadlineMs: number;
  readonly traceparent: string | undefined;
}

/** What became of a message, and until when its caller waits (monotonic clock). */
interface Outcome {
  readonly headers: PublishHeaders;
  readonly stored: Stored;
  readonly expiresAtMs: number;
}

/** Hands accepted messages to NATS. Messages go out in the order of the calls of `send`. */
export class Sender {
  readonly #parts: SenderParts;
  readonly #flush: SharedFlush;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#flush = new SharedFlush(parts.bus, parts.clock);
  }

  /**
   * Resolves when JetStream has stored the message; in a namespace without history, when the NATS server has it. Rejects
   * with NATS_UNAVAILABLE (at once while disconnected, else within min(deadline, 5 s)) or OVERLOADED.
   */
  send(message: AcceptedMessage, { deadlineMs, traceparent }: SendOptions): Promise<PublishResponse> {
    const { publisher, clock } = this.#parts;
    const headers = messageHeaders(message, clock.nowMs(), traceparent);
    const outgoing = { subject: subjects.publish(message.channel), data: message.payload.data, headers, deadlineMs: Math.min(deadlineMs, MAX_WAIT_MS) };
    if (message.namespace.history) {
      const expiresAtMs = clock.monotonicMs() + outgoing.deadlineMs;
      return publisher.publish(outgoing).then((stored) => this.#acknowledge(message, { headers, stored, expiresAtMs }));
    }
    try {
      this.#parts.bus.publish(outgoing.subject, outgoing.data, { headers });
    } catch (error) {
      return Promise.reject(error instanceof RpcError ? error : new RpcError("INTERNAL", "the message can't be sent to NATS", { cause: error }));
    }
    return this.#flush.afterNow(outgoing.deadlineMs).then(() => ({ position: undefined, duplicate: false }));
  }

  #acknowledge(message: AcceptedMessage, { headers, stored, expiresAtMs }: Outcome): PublishResponse | Promise<PublishResponse> {
    const { bus, histories, clock } = this.#parts;
    const { channel, namespace, key, payload } = message;
    const { sequence, duplicate, retried } = stored;
    const answer = (isAnothers: boolean): PublishResponse => ({ position: { offset: sequence, epoch: histories.epochOf(namespace.name) }, duplicate: isAnothers });
    if (duplicate && retried) {
      const sent = { channel, key, data: payload.data, headers };
      return storedByAnother(bus, sent, sequence, expiresAtMs - clock.monotonicMs()).then(answer);
    }
    const known = duplicate ? undefined : histories.noteStored(namespace.name, { sequence, messageId: headers.get(header.messageId) });
    return known ? this.#within(known, expiresAtMs).then(() => answer(false)) : answer(duplicate);
  }

  /** Resolves with what never rejects, or when the time is over. */
  #within(known: Promise<void>, expiresAtMs: number): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const late = clock.after(Math.max(0, expiresAtMs - clock.monotonicMs()), resolve);
      void known.then(() => {
        late.cancel();
        resolve();
      });
    });
  }
}
