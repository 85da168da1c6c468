import { type Clock, type Timer } from "./clock.js";
import { type ClientFrame, type ErrorFrame, type Position, type Positions, positionOf } from "./frames.js";
import { endOfRefusal, framesOfAnswer, type PollAnswer } from "./pollAnswer.js";
import { userOf } from "./token.js";
import { type Link, type LinkEnd, type LinkEvents, type Transport } from "./transport.js";

/** How long the connector may keep a poll that has nothing to say. Below the 30 s after which proxies lose patience. */
const WAIT_MS = 25_000;
/** A poll that is not answered this long after its wait is lost. */
const ANSWER_LIMIT_MS = 10_000;
/** A poll that a newer one has overtaken is answered at once; its request is kept so long, to spare its TCP connection. */
const OVERTAKEN_LIMIT_MS = 2_000;
/** Frames of one poll, in characters: well below the connector's limit. The others travel with the next. */
const BODY_CHARACTERS = 64 * 1_024;

/** Long-poll. The cursor moves only by answers that were handled, so that a lost one loses nothing. */
export function pollTransport(base: string, clock: Clock): Transport {
  const url = `${base}/v1/poll`;
  return { name: "poll", open: (events) => new PollLink(url, clock, events) };
}

interface InFlight {
  readonly abort: AbortController;
  readonly timer: Timer;
  /** Whether it asks for something, so that its answer comes at once. */
  readonly isBusy: boolean;
  readonly positions: Positions;
  /** Channels that were subscribed or unsubscribed since it was sent: its answer does not know. */
  readonly touched: Set<string>;
}

class PollLink implements Link {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  #token = "";
  #session: string | undefined;
  #seq = 0;
  /** All subscriptions: as the last handled answer gave them, with what changed since. */
  #cursor = new Map<string, Position>();
  #connect: { readonly id: number; readonly user: string } | undefined;
  /** Subscriptions brought as positions that no answer has judged yet, with the id of their frame. */
  readonly #brought = new Map<string, number>();
  /** Frames that no poll has carried yet. */
  #waiting: ClientFrame[] = [];
  /** Whether the cursor gained or lost channels since the last poll was sent. */
  #changed = false;
  #inFlight: InFlight | undefined;
  #scheduled = false;
  #closed = false;

  constructor(url: string, clock: Clock, events: LinkEvents) {
    this.#url = url;
    this.#clock = clock;
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
    this.#inFlight?.timer.cancel();
    this.#inFlight?.abort.abort();
  }

  #take(frame: ClientFrame): void {
    const { id = 0, connect, subscribe, unsubscribe, refresh, pong } = frame;
    if (pong) return;
    if (connect) {
      this.#token = connect.token;
      this.#session = connect.session;
      this.#connect = { id, user: userOf(connect.token) ?? "" };
      this.#cursor = new Map(Object.entries(connect.positions));
    } else if (subscribe?.position) {
      this.#touch(subscribe.channel);
      this.#cursor.set(subscribe.channel, subscribe.position);
      this.#brought.set(subscribe.channel, id);
    } else if (unsubscribe) {
      this.#touch(unsubscribe.channel);
      this.#cursor.delete(unsubscribe.channel);
      this.#brought.delete(unsubscribe.channel);
      this.#waiting = this.#waiting.filter((one) => one.subscribe?.channel !== unsubscribe.channel);
    } else {
      if (refresh) this.#token = refresh.token;
      this.#waiting.push(frame);
    }
  }

  #touch(channel: string): void {
    this.#changed = true;
    this.#inFlight?.touched.add(channel);
  }

  /** Sends the next poll where none is under way, or the present one only waits and there is something to say. */
  #next(): void {
    if (this.#closed) return;
    const present = this.#inFlight;
    if (present && (present.isBusy || (this.#waiting.length === 0 && !this.#changed))) return;
    if (present) this.#overtake(present);
    this.#changed = false;
    const frames = this.#takeBatch();
    const isJudging = this.#connect !== undefined || this.#brought.size > 0;
    const waitMs = isJudging ? 0 : WAIT_MS;
    const abort = new AbortController();
    const timer = this.#clock.after(waitMs + ANSWER_LIMIT_MS, () => abort.abort());
    const positions = Object.fromEntries(this.#cursor);
    this.#inFlight = { abort, timer, isBusy: isJudging || frames.length > 0, positions, touched: new Set() };
    void this.#poll(this.#inFlight, frames, waitMs);
  }

  /** Its answer is not looked at any more: the cursor has not moved, so the newer poll is given the same and more. */
  #overtake(older: InFlight): void {
    older.timer.cancel();
    this.#clock.after(OVERTAKEN_LIMIT_MS, () => older.abort.abort());
  }

  #takeBatch(): ClientFrame[] {
    let characters = 0;
    const count = this.#waiting.findIndex((frame) => (characters += JSON.stringify(frame).length) > BODY_CHARACTERS);
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : Math.max(count, 1));
  }

  async #poll(mine: InFlight, frames: readonly ClientFrame[], waitMs: number): Promise<void> {
    this.#seq += 1;
    const session = this.#session === undefined ? {} : { session: this.#session };
    const body = { ...session, token: this.#token, seq: this.#seq, frames, positions: mine.positions, waitMs };
    const outcome = await ask(this.#url, body, mine.abort.signal);
    mine.timer.cancel();
    if (this.#closed || this.#inFlight !== mine) return;
    this.#inFlight = undefined;
    if ("end" in outcome) {
      this.#closed = true;
      this.#events.onEnd(outcome.end);
      return;
    }
    this.#events.onAlive();
    this.#handle(outcome.answer, mine);
    this.#next();
  }

  #handle(answer: PollAnswer, mine: InFlight): void {
    const given = Object.entries(answer.positions ?? {}).map(([channel, wire]): [string, Position] => [channel, positionOf(wire)]);
    const brought = new Map([...this.#brought].filter(([channel]) => channel in mine.positions && !mine.touched.has(channel)));
    const connect = this.#connect && { ...this.#connect, pingIntervalMs: WAIT_MS };
    this.#session = answer.session;
    this.#connect = undefined;
    for (const channel of brought.keys()) this.#brought.delete(channel);
    if (answer.positions) this.#cursor = this.#merge(given, mine.touched);
    for (const frame of framesOfAnswer(answer, { connect, brought, positions: mine.positions })) {
      // A callback of the app may have closed the link.
      if (this.#closed) return;
      this.#events.onFrame(frame);
    }
    if (!this.#closed) this.#events.onPositions(Object.fromEntries(given));
  }

  #merge(given: readonly [string, Position][], touched: ReadonlySet<string>): Map<string, Position> {
    const here = [...this.#cursor].filter(([channel]) => touched.has(channel));
    return new Map([...given.filter(([channel]) => !touched.has(channel)), ...here]);
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
