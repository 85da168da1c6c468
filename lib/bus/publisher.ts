import type { Clock, Timer } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { jetStreamErrorCode } from "./apiRequest.js";
import type { Bus, BusMessage, BusSubscription } from "./bus.js";
import type { PublishHeaders } from "./publishHeaders.js";
import { type TokenHolder, Tokens } from "./tokens.js";

/** JetStream's acknowledgement. */
export interface Stored {
  /** Sequence in the stream. Of a duplicate: of the first. */
  readonly sequence: number;
  /** Whether the message id was seen before, by somebody else's publish or by an earlier try of this one. */
  readonly duplicate: boolean;
  /** Whether this publish was sent more than once, so that `duplicate` may speak of its own first try. */
  readonly retried: boolean;
}

/** A message for a stream. */
export interface Outgoing {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Must hold a `Nats-Msg-Id`: without one a retry could store the message twice. */
  readonly headers: PublishHeaders;
  /** Give up after this long, in milliseconds. */
  readonly deadlineMs: number;
}

interface Pending extends Outgoing, TokenHolder {
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: Error) => void;
  readonly expiresAtMs: number;
  /** How many times it was sent. An answer to any of them counts. */
  tries: number;
  sentAtMs: number;
  /** Send again at this time; Infinity while an answer is awaited. */
  retryAtMs: number;
}

/** How much a publisher has under way. */
export interface PublisherLimits {
  /** Unacknowledged messages at a time; more wait in line. */
  readonly window: number;
  /** Their bytes of payload. */
  readonly windowBytes: number;
  /** Messages in line; past this a publish is refused as OVERLOADED. */
  readonly waiting: number;
  /** Bytes of payload, in the window and in line together; past this a publish is refused as OVERLOADED. */
  readonly bytes: number;
}

/** A stream's queue in JetStream takes 10,000 messages and 128 MiB from all its publishers, and drops or refuses what is more. */
export const PUBLISHER_LIMITS: PublisherLimits = { window: 8_192, windowBytes: 32 * 2 ** 20, waiting: 65_536, bytes: 256 * 2 ** 20 };

/** No answer for this long: ask again. An election takes a few seconds, a healthy answer a few milliseconds. */
const ANSWER_MS = 1_000;
/** Nobody answered at all, or the same message is just being stored: ask again after this long. */
const PAUSE_MS = 100;
const SWEEP_MS = 50;
/** JetStream's code when a stream's queue is full. */
const TOO_MANY_REQUESTS = 429;

/**
 * Publishes to JetStream with many acknowledgements under way: each publish is a plain NATS message whose `reply` is a
 * numbered subject under one subscription. Messages go out in the order of the calls. A message without answer is sent
 * again under the same id until its deadline, so that it is stored once; a retried message may be stored behind a later one.
 */
export class Publisher {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #limits: PublisherLimits;
  readonly #inbox: string;
  readonly #subscription: BusSubscription;
  readonly #sweep: Timer;
  readonly #stopListening: () => void;
  readonly #inFlight = new Tokens<Pending>();
  #waiting: Pending[] = [];
  /** To be handed to the connection at the end of this turn, in one write: a system call for each took a quarter of the CPU of a stream. */
  #outgoing: Pending[] = [];
  #bytes = 0;
  #inFlightBytes = 0;
  #closed = false;

  constructor(bus: Bus, clock: Clock, limits = PUBLISHER_LIMITS) {
    this.#bus = bus;
    this.#clock = clock;
    this.#limits = limits;
    this.#inbox = bus.createInbox();
    this.#subscription = bus.subscribe(`${this.#inbox}.*`, (message) => { this.#onAnswer(message); });
    this.#sweep = clock.every(SWEEP_MS, () => { this.#sweepNow(); });
    this.#stopListening = bus.onEvent((event) => {
      if (event === "reconnected") this.#resendAll();
    });
  }

  /** Messages that are sent or in line, without an answer so far. */
  get unacknowledged(): number {
    return this.#inFlight.size + this.#waiting.length;
  }

  /**
   * Resolves when JetStream has stored the message. Rejects with NATS_UNAVAILABLE (at once while disconnected or closed; at the
   * deadline otherwise), OVERLOADED, or INTERNAL with JetStream's refusal as cause. After NATS_UNAVAILABLE the message may
   * still have been stored.
   */
  publish(outgoing: Outgoing): Promise<Stored> {
    if (this.#closed) return Promise.reject(closing());
    if (!this.#bus.connected) return Promise.reject(RpcError.natsUnavailable("the connection to NATS is down"));
    if (this.#waiting.length >= this.#limits.waiting || this.#bytes >= this.#limits.bytes) {
      const message = `${String(this.unacknowledged)} messages wait for JetStream already`;
      return Promise.reject(new RpcError("OVERLOADED", message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      const { subject, data, headers, deadlineMs } = outgoing;
      const expiresAtMs = this.#clock.monotonicMs() + deadlineMs;
      const pending: Pending = { subject, data, headers, deadlineMs, resolve, reject, expiresAtMs, tries: 0, token: "", id: 0, sentAtMs: 0, retryAtMs: Infinity };
      this.#bytes += data.length;
      if (this.#waiting.length > 0 || this.#windowFull) this.#waiting.push(pending);
      else this.#send(pending);
    });
  }

  /** Rejects what is unacknowledged and ends the subscription. */
  close(): void {
    this.#closed = true;
    this.#sweep.cancel();
    this.#stopListening();
    this.#subscription.unsubscribe();
    const unanswered = [...this.#inFlight.inOrder(), ...this.#waiting];
    this.#waiting = [];
    for (const pending of unanswered) {
      this.#settle(pending, () => { pending.reject(closing()); });
    }
  }

  #send(pending: Pending): void {
    if (pending.tries === 0) {
      this.#inFlight.add(pending);
      this.#inFlightBytes += pending.data.length;
    }
    pending.tries += 1;
    pending.sentAtMs = this.#clock.monotonicMs();
    pending.retryAtMs = Infinity;
    if (this.#outgoing.length === 0) setImmediate(() => { this.#handOver(); });
    this.#outgoing.push(pending);
  }

  #handOver(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    // What was answered, or given up, meanwhile needs no sending.
    for (const pending of outgoing) if (this.#inFlight.find(pending.token) === pending) this.#sendNow(pending);
  }

  #sendNow(pending: Pending): void {
    try {
      this.#bus.publish(pending.subject, pending.data, { headers: pending.headers, reply: `${this.#inbox}.${pending.token}` });
    } catch (error) {
      if (error instanceof RpcError) pending.retryAtMs = pending.sentAtMs + PAUSE_MS;
      else this.#settle(pending, () => { pending.reject(new RpcError("INTERNAL", "the message can't be sent to NATS", { cause: error })); });
    }
  }

  #onAnswer(message: BusMessage): void {
    const pending = this.#inFlight.find(message.subject.slice(this.#inbox.length + 1));
    if (!pending) return;
    if (message.data.length === 0) {
      // 503: no stream listens at the moment (an election, or not created yet).
      pending.retryAtMs = this.#clock.monotonicMs() + PAUSE_MS;
      return;
    }
    const answer = JSON.parse(textOf(message.data)) as Acknowledgement;
    if (answer.error) {
      this.#onRefusal(pending, answer.error);
      return;
    }
    const stored = { sequence: answer.seq ?? 0, duplicate: answer.duplicate === true, retried: pending.tries > 1 };
    this.#settle(pending, () => { pending.resolve(stored); });
  }

  #onRefusal(pending: Pending, { code, err_code: errorCode, description }: NonNullable<Acknowledgement["error"]>): void {
    if (code === 503 || code === TOO_MANY_REQUESTS || errorCode === jetStreamErrorCode.duplicateInFlight) {
      pending.retryAtMs = this.#clock.monotonicMs() + PAUSE_MS;
      return;
    }
    const cause = new Error(`JetStream refused ${pending.subject}: ${description ?? "no reason given"} (${String(errorCode ?? code)})`);
    this.#settle(pending, () => { pending.reject(new RpcError("INTERNAL", "JetStream refused the message", { cause })); });
  }

  #settle(pending: Pending, tell: () => void): void {
    if (this.#inFlight.delete(pending)) this.#inFlightBytes -= pending.data.length;
    this.#bytes -= pending.data.length;
    tell();
    this.#fillWindow();
  }

  get #windowFull(): boolean {
    return this.#inFlight.size >= this.#limits.window || this.#inFlightBytes >= this.#limits.windowBytes;
  }

  #fillWindow(): void {
    const { window, windowBytes } = this.#limits;
    // Taking single messages off the front of a long array is slow: take many once a quarter of the window is free.
    if (this.#waiting.length === 0 || this.#inFlight.size > (window * 3) / 4 || this.#inFlightBytes > (windowBytes * 3) / 4) return;
    let taken = 0;
    let bytes = this.#inFlightBytes;
    for (const { data } of this.#waiting) {
      if (this.#inFlight.size + taken >= window || bytes >= windowBytes) break;
      taken++;
      bytes += data.length;
    }
    for (const pending of this.#waiting.splice(0, taken)) this.#send(pending);
  }

  #sweepNow(): void {
    const nowMs = this.#clock.monotonicMs();
    const expired = (pending: Pending): boolean => pending.expiresAtMs <= nowMs;
    const late = this.#waiting.filter(expired);
    if (late.length > 0) this.#waiting = this.#waiting.filter((pending) => !expired(pending));
    for (const pending of this.#inFlight.inOrder((one) => expired(one) || this.#isDue(one, nowMs))) {
      if (expired(pending)) late.push(pending);
      else if (this.#bus.connected) this.#send(pending);
    }
    for (const pending of late) {
      this.#settle(pending, () => { pending.reject(RpcError.natsUnavailable("JetStream did not confirm the message in time")); });
    }
  }

  /** Each try waits longer than the one before: a JetStream that is slow gets no faster by being asked more. */
  #isDue({ retryAtMs, sentAtMs, tries }: Pending, nowMs: number): boolean {
    return retryAtMs <= nowMs || sentAtMs + ANSWER_MS * tries <= nowMs;
  }

  #resendAll(): void {
    for (const pending of this.#inFlight.inOrder()) this.#send(pending);
  }
}

function closing(): RpcError {
  return RpcError.natsUnavailable("the publisher is closing");
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

/** JetStream's PubAck, or its refusal. */
interface Acknowledgement {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}
