import { type Clock, type Timer } from "./clock.js";
import { type ClientFrame, type ErrorFrame, type Position, type Positions, positionOf } from "./frames.js";
import { asConnected, endOfRefusal, type PollAnswer, type SignIn } from "./pollAnswer.js";
import { userOf } from "./token.js";
import { type Link, type LinkEnd, type LinkEvents, type Transport } from "./transport.js";

/** How long the connector may keep a poll that has nothing to say. Below the 30 s after which proxies lose patience. */
const WAIT_MS = 25_000;
/** A poll that is not answered this long after its wait is lost. */
const ANSWER_LIMIT_MS = 10_000;
/** A poll that a newer one has overtaken is answered at once; its request is kept so long, to spare its TCP connection. */
const OVERTAKEN_LIMIT_MS = 2_000;
/** Frames of one poll: well below the connector's limits. The others travel with the next. */
const BATCH_CHARACTERS = 64 * 1_024;
const BATCH_FRAMES = 100;
/** Polls begin at least this far apart, so that a stream of messages comes in bundles and not in a storm of polls. */
const PACE_MS = 25;

/** Long-poll. The cursor moves only by answers that were handled, so that a lost one loses nothing. */
export function pollTransport(base: string, clock: Clock): Transport {
  const url = `${base}/v1/poll`;
  const counter = new SeqCounter();
  return { name: "poll", open: (events) => new PollLink({ url, clock, counter }, events) };
}

/**
 * Numbers the polls of all links, one after another: they may be of one session. Were a new link to begin at 1, the
 * connector would take its polls for older than one of the link before that it still holds.
 */
class SeqCounter {
  #newest = 0;

  next(): number {
    this.#newest += 1;
    return this.#newest;
  }
}

interface PollLinkParts {
  readonly url: string;
  readonly clock: Clock;
  readonly counter: SeqCounter;
}

interface InFlight {
  readonly sentAtMs: number;
  readonly abort: AbortController;
  timer: Timer;
  /** Whether it asks for something, so that its answer comes at once. */
  readonly isBusy: boolean;
  readonly positions: Positions;
  /** Channels that were unsubscribed since it was sent: its answer does not know. */
  readonly left: Set<string>;
}

class PollLink implements Link {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #counter: SeqCounter;
  readonly #events: LinkEvents;
  #token = "";
  #session: string | undefined;
  /** All subscriptions: as the last handled answer gave them, less what was unsubscribed since. */
  #cursor = new Map<string, Position>();
  /** The sign-in, until it is answered. */
  #signIn: SignIn | undefined;
  /** Frames that no poll has carried yet. */
  #waiting: ClientFrame[] = [];
  /** Whether the cursor lost channels since the last poll was sent. */
  #hasLeft = false;
  #inFlight: InFlight | undefined;
  /** Polls that a newer one has overtaken, until they are answered or given up: as many as fit in their limit. */
  readonly #overtaken = new Set<InFlight>();
  #startedAtMs = -Infinity;
  #paced: Timer | undefined;
  #scheduled = false;
  #closed = false;

  constructor({ url, clock, counter }: PollLinkParts, events: LinkEvents) {
    this.#url = url;
    this.#clock = clock;
    this.#counter = counter;
    this.#events = events;
    queueMicrotask(() => {
      if (!this.#closed) events.onOpen();
    });
  }

  send(frame: ClientFrame): void {
    this.#take(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#paced?.cancel();
    for (const { timer, abort } of [...this.#overtaken, ...(this.#inFlight ? [this.#inFlight] : [])]) {
      timer.cancel();
      abort.abort();
    }
    this.#overtaken.clear();
  }

  #take(frame: ClientFrame): void {
    const { id = 0, connect, unsubscribe, refresh, pong } = frame;
    if (connect) {
      const { token, session, positions } = connect;
      this.#token = token;
      this.#session = session;
      this.#signIn = { id, user: userOf(token) ?? "", pingIntervalMs: WAIT_MS, positions };
      this.#cursor = new Map(Object.entries(positions));
    } else if (unsubscribe) {
      // A channel that is left out of the positions is unsubscribed: that takes no frame.
      this.#cursor.delete(unsubscribe.channel);
      this.#waiting = this.#waiting.filter(({ subscribe }) => subscribe?.channel !== unsubscribe.channel);
      this.#inFlight?.left.add(unsubscribe.channel);
      this.#hasLeft = true;
    } else if (!pong) {
      if (refresh) this.#token = refresh.token;
      this.#waiting.push(frame);
    }
  }

  /** Sends the next poll where none is under way, or the present one only waits and there is something to say. */
  #next(): void {
    const present = this.#inFlight;
    if (this.#closed || (present && (present.isBusy || (this.#waiting.length === 0 && !this.#hasLeft)))) return;
    const early = this.#startedAtMs + PACE_MS - this.#clock.monotonicMs();
    if (early > 0) {
      this.#paced ??= this.#clock.after(early, () => {
        this.#paced = undefined;
        this.#next();
      });
      return;
    }
    if (present) this.#overtake(present);
    this.#start();
  }

  #start(): void {
    this.#hasLeft = false;
    this.#startedAtMs = this.#clock.monotonicMs();
    const frames = this.#takeBatch();
    const waitMs = this.#signIn ? 0 : WAIT_MS;
    const abort = new AbortController();
    const timer = this.#clock.after(waitMs + ANSWER_LIMIT_MS, () => abort.abort());
    const positions = Object.fromEntries(this.#cursor);
    this.#inFlight = { sentAtMs: this.#startedAtMs, abort, timer, isBusy: this.#signIn !== undefined || frames.length > 0, positions, left: new Set() };
    void this.#poll(this.#inFlight, frames, waitMs);
  }

  /** Its answer is not looked at any more: the cursor has not moved, so the newer poll is given the same and more. */
  #overtake(older: InFlight): void {
    older.timer.cancel();
    older.timer = this.#clock.after(OVERTAKEN_LIMIT_MS, () => older.abort.abort());
    this.#overtaken.add(older);
  }

  #takeBatch(): ClientFrame[] {
    let characters = 0;
    const fitting = this.#waiting.findIndex((frame, index) => {
      characters += JSON.stringify(frame).length;
      return index === BATCH_FRAMES || characters > BATCH_CHARACTERS;
    });
    // One that is too long for any batch goes alone.
    return this.#waiting.splice(0, fitting === -1 ? this.#waiting.length : Math.max(fitting, 1));
  }

  async #poll(mine: InFlight, frames: readonly ClientFrame[], waitMs: number): Promise<void> {
    const session = this.#session === undefined ? {} : { session: this.#session };
    const body = { ...session, token: this.#token, seq: this.#counter.next(), frames, positions: mine.positions, waitMs };
    const outcome = await ask(this.#url, body, mine.abort.signal);
    mine.timer.cancel();
    this.#overtaken.delete(mine);
    if (this.#closed || this.#inFlight !== mine) return;
    this.#inFlight = undefined;
    if ("end" in outcome) {
      // Only its own limit aborts a poll that is still listened to.
      this.#end(mine.abort.signal.aborted ? { ...outcome.end, isSilent: true } : outcome.end);
      return;
    }
    this.#events.onAlive(mine.sentAtMs);
    try {
      this.#handle(outcome.answer, mine);
    } catch {
      // Something on the way answered with JSON of its own, for instance.
      this.#end({ code: 0, reason: "the poll was answered by something that is no answer" });
    }
    this.#next();
  }

  #end(end: LinkEnd): void {
    if (this.#closed) return;
    this.close();
    this.#events.onEnd(end);
  }

  #handle(answer: PollAnswer, { left }: InFlight): void {
    if (typeof answer.session !== "string") throw new TypeError("no session");
    const given = Object.entries(answer.positions ?? {}).map(([channel, wire]): [string, Position] => [channel, positionOf(wire)]);
    const frames = this.#signIn ? asConnected(answer, this.#signIn) : (answer.frames ?? []);
    this.#session = answer.session;
    this.#signIn = undefined;
    if (answer.positions) this.#cursor = new Map(given.filter(([channel]) => !left.has(channel)));
    for (const frame of frames) {
      // A callback of the app may have closed the link.
      if (this.#closed) return;
      this.#events.onFrame(frame);
    }
    if (!this.#closed) this.#events.onPositions(Object.fromEntries(given));
  }
}

async function ask(url: string, body: object, signal: AbortSignal): Promise<{ readonly answer: PollAnswer } | { readonly end: LinkEnd }> {
  try {
    // text/plain spares the CORS preflight of every poll.
    const headers = { "Content-Type": "text/plain" };
    const init: RequestInit = { method: "POST", headers, body: JSON.stringify(body), signal, credentials: "omit" };
    const response = await fetch(url, init);
    const text = await response.text();
    if (response.ok) return { answer: JSON.parse(text) as PollAnswer };
    const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
    return { end: endOfRefusal(response.status, errorIn(text), Number.isFinite(seconds) ? seconds * 1_000 : undefined) };
  } catch (fault) {
    return { end: { code: 0, reason: fault instanceof Error ? fault.message : "the poll failed" } };
  }
}

function errorIn(text: string): ErrorFrame {
  try {
    return (JSON.parse(text) as { readonly error?: ErrorFrame }).error ?? {};
  } catch {
    return {};
  }
}
