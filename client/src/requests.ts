import { type Clock, type Timer } from "./clock.js";
import { HalleyError } from "./errors.js";
import { type ClientFrame, type Request, type ServerFrame } from "./frames.js";
import { Pace } from "./pace.js";

/** What became of a request. */
export type Outcome = { readonly answer: ServerFrame } | { readonly error: HalleyError };

/** The connector answers everything well within this; what it asks others has its own, shorter limits. */
const ANSWER_LIMIT_MS = 15_000;
/** Half of what the connector allows (docs/limits.md), which ends the connection of those who send more. */
export const REQUESTS_PER_SECOND = 50;
/** At once, after a pause: a page that comes back subscribes to everything. */
export const REQUESTS_AT_ONCE = 1_000;

/** What answers what, where nothing is wrong. */
const ANSWERS: Readonly<Record<keyof Request, keyof ServerFrame>> = {
  connect: "connected",
  subscribe: "subscribed",
  unsubscribe: "unsubscribed",
  publish: "published",
  members: "members",
  refresh: "refreshed",
};

interface Pending {
  readonly request: Request;
  readonly done: (outcome: Outcome) => void;
  /** Undefined while it waits for its turn. */
  timer: Timer | undefined;
}

/**
 * Matches answers to requests by id. Outcomes are told in the same turn in which they come, so that what an answer means
 * is in force before the next frame is looked at. Requests past the pace wait for their turn, in order. The askers bound
 * how many there are: channels two each at most, the outbox its window, members their own limit.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #send: (frame: ClientFrame) => void;
  readonly #onLate: () => void;
  readonly #pending = new Map<number, Pending>();
  readonly #pace: Pace;
  #queue: ClientFrame[] = [];
  #turn: Timer | undefined;
  #lastId = 0;

  /** `onLate` is told of each answer that is late, before its asker is; it may end the link, and thereby abandon the request. */
  constructor(clock: Clock, send: (frame: ClientFrame) => void, onLate: () => void) {
    this.#clock = clock;
    this.#send = send;
    this.#onLate = onLate;
    this.#pace = new Pace(clock, REQUESTS_PER_SECOND, REQUESTS_AT_ONCE);
  }

  /**
   * Sends a request. `done` is called once: with the answer, or an error when it is refused, late or lost. The answer of
   * this call takes it back: true where it was not sent, and `done` will not be called.
   */
  ask(request: Request, done: (outcome: Outcome) => void): () => boolean {
    const id = this.#nextId();
    this.#pending.set(id, { request, done, timer: undefined });
    this.#push({ id, ...request });
    return () => this.#takeBack(id);
  }

  /** Sends a request whose answer nobody awaits. */
  tell(request: Request): void {
    this.#push({ id: this.#nextId(), ...request });
  }

  /**
   * Takes a frame that answers something; false: it answers nothing that is awaited. Throws where it answers something else
   * than was asked: who confuses ids can't be believed that anything was stored.
   */
  answer(frame: ServerFrame): boolean {
    const { id, error } = frame;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || !pending) return false;
    if (error ? typeof error.code !== "string" : !isAnswerTo(pending.request, frame)) throw new TypeError(`frame ${id} answers something else`);
    this.#settle(id, error ? { error: HalleyError.ofFrame(error) } : { answer: frame });
    return true;
  }

  /** The link is gone, and all answers with it. */
  abandon(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    this.#queue = [];
    this.#pace.reset();
    for (const id of [...this.#pending.keys()]) this.#settle(id, { error: HalleyError.connectionLost() });
  }

  #push(frame: ClientFrame): void {
    this.#queue.push(frame);
    if (!this.#turn) this.#flush();
  }

  #flush(): void {
    this.#turn = undefined;
    for (let frame = this.#queue[0]; frame; frame = this.#queue[0]) {
      const waitMs = this.#pace.take();
      if (waitMs > 0) {
        this.#turn = this.#clock.after(waitMs, () => this.#flush());
        return;
      }
      this.#queue.shift();
      this.#dispatch(frame);
    }
  }

  #dispatch(frame: ClientFrame): void {
    const { id = 0 } = frame;
    const pending = this.#pending.get(id);
    if (pending) pending.timer = this.#clock.after(ANSWER_LIMIT_MS, () => this.#late(id));
    this.#send(frame);
  }

  #late(id: number): void {
    this.#onLate();
    this.#settle(id, { error: tooLate() });
  }

  #takeBack(id: number): boolean {
    const isQueued = this.#queue.some((frame) => frame.id === id);
    if (!isQueued) return false;
    this.#queue = this.#queue.filter((frame) => frame.id !== id);
    return this.#pending.delete(id);
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.timer?.cancel();
    pending.done(outcome);
  }

  #nextId(): number {
    this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }
}

function isAnswerTo(request: Request, frame: ServerFrame): boolean {
  const channel = frame.subscribed?.channel;
  if (request.subscribe && channel !== undefined && channel !== request.subscribe.channel) return false;
  const answers: Readonly<Record<string, unknown>> = { ...frame };
  return Object.entries(ANSWERS).some(([asked, answer]) => asked in request && typeof answers[answer] === "object" && answers[answer] !== null);
}

function tooLate(): HalleyError {
  const message = `the connector did not answer within ${ANSWER_LIMIT_MS / 1_000} s`;
  return HalleyError.local("DEADLINE_EXCEEDED", "NO_ANSWER", message, { retryable: true });
}
