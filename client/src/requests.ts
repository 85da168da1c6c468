import { type Clock, type Timer } from "./clock.js";
import { HalleyError } from "./errors.js";
import { type ClientFrame, type Request, type ServerFrame } from "./frames.js";

/** What became of a request. */
export type Outcome = { readonly answer: ServerFrame } | { readonly error: HalleyError };

/** The connector answers everything well within this; what it asks others has its own, shorter limits. */
const ANSWER_LIMIT_MS = 15_000;

interface Pending {
  readonly done: (outcome: Outcome) => void;
  readonly timer: Timer;
}

/**
 * Matches answers to requests by id. Outcomes are told in the same turn in which they come, so that what an answer means
 * is in force before the next frame is looked at. The askers bound how many are under way: channels one each, the outbox
 * its window, members its own limit.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #send: (frame: ClientFrame) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(clock: Clock, send: (frame: ClientFrame) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** How many are under way. */
  get size(): number {
    return this.#pending.size;
  }

  /** Sends a request. `done` is called exactly once: with the answer, or an error when it is refused, late or lost. */
  ask(request: Request, done: (outcome: Outcome) => void): void {
    const id = this.#nextId();
    const timer = this.#clock.after(ANSWER_LIMIT_MS, () => {
      const message = `the connector did not answer within ${ANSWER_LIMIT_MS / 1_000} s`;
      this.#settle(id, { error: HalleyError.local("DEADLINE_EXCEEDED", "NO_ANSWER", message, { retryable: true }) });
    });
    this.#pending.set(id, { done, timer });
    this.#send({ id, ...request });
  }

  /** Sends a request whose answer nobody awaits. */
  tell(request: Request): void {
    this.#send({ id: this.#nextId(), ...request });
  }

  /** Takes a frame that answers something; false: it answers nothing that is awaited. */
  answer(frame: ServerFrame): boolean {
    const { id, error } = frame;
    if (id === undefined || !this.#pending.has(id)) return false;
    this.#settle(id, error ? { error: HalleyError.ofFrame(error) } : { answer: frame });
    return true;
  }

  /** The link is gone, and all answers with it. */
  abandon(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, { error: HalleyError.connectionLost() });
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.timer.cancel();
    pending.done(outcome);
  }

  #nextId(): number {
    this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }
}
