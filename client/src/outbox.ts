import { Backoff } from "./backoff.js";
import { type Clock, type Timer } from "./clock.js";
import { HalleyError } from "./errors.js";
import { positionOf, type PublishAnswer, type ServerFrame } from "./frames.js";
import { type Outcome, type Requests } from "./requests.js";

/** How many publishes may be unanswered on the wire: keeps their order, and a long outbox from flooding a new link. */
export const PUBLISH_WINDOW = 32;
/** The longest data, in bytes of JSON: the connector takes frames of 256 KiB. */
export const MAX_DATA_BYTES = 240 * 1_024;
/** All kept publishes together, in bytes. */
export const MAX_OUTBOX_BYTES = 4 * 1_024 * 1_024;

/** The longest pause before a publish that the connector asked to repeat: well within the time for which it is tried. */
const LONGEST_RETRY_MS = 5_000;

/** One publish on its way. */
export interface Outgoing {
  readonly channel: string;
  readonly type?: string;
  readonly data: unknown;
  readonly key: string;
}

interface Entry {
  readonly publish: Outgoing;
  readonly bytes: number;
  readonly limit: Timer;
  isSent: boolean;
  readonly settle: (outcome: { readonly answer: PublishAnswer } | { readonly error: HalleyError }) => void;
}

interface Deps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly requests: Requests;
  readonly maxPending: number;
  readonly timeoutMs: number;
}

/**
 * Publishes that are not acknowledged yet. They are kept while the connection is away and sent again under their key, in
 * their order; each promise settles within `timeoutMs`. Order holds among publishes that are sent once; one that the
 * connector asks to repeat may come after later ones.
 */
export class Outbox {
  readonly #deps: Deps;
  readonly #entries = new Set<Entry>();
  readonly #backoff: Backoff;
  #bytes = 0;
  #unanswered = 0;
  #isConnected = false;
  #retry: Timer | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.random, 1_000, LONGEST_RETRY_MS);
  }

  /** How many publishes are not acknowledged yet. */
  get size(): number {
    return this.#entries.size;
  }

  /** Keeps a publish until it is acknowledged, refused or late. Rejects at once where there is no room. */
  add(publish: Outgoing): Promise<PublishAnswer> {
    const copy = copyOf(publish.data);
    if (copy instanceof HalleyError) return Promise.reject(copy);
    if (this.#entries.size >= this.#deps.maxPending || this.#bytes + copy.bytes > MAX_OUTBOX_BYTES) {
      const message = `${this.#entries.size} publishes wait already: there is no room for more`;
      return Promise.reject(HalleyError.local("RESOURCE_EXHAUSTED", "OUTBOX_FULL", message, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      const limit = this.#deps.clock.after(this.#deps.timeoutMs, () => this.#finish(entry, { error: this.#late() }));
      const settle: Entry["settle"] = (outcome) => ("answer" in outcome ? resolve(outcome.answer) : reject(outcome.error));
      const entry: Entry = { publish: { ...publish, data: copy.data }, bytes: copy.bytes, limit, isSent: false, settle };
      this.#entries.add(entry);
      this.#bytes += copy.bytes;
      this.#flush();
    });
  }

  /** The connection is there: sends what waits. */
  connected(): void {
    this.#isConnected = true;
    this.#flush();
  }

  /** The connection is gone: what was sent and not answered is sent again on the next one. */
  lost(): void {
    this.#isConnected = false;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#backoff.reset();
  }

  /** Rejects everything: the client was closed. */
  clear(error: HalleyError): void {
    for (const entry of [...this.#entries]) this.#finish(entry, { error });
  }

  #flush(): void {
    if (!this.#isConnected || this.#retry) return;
    for (const entry of this.#entries) {
      if (this.#unanswered >= PUBLISH_WINDOW) return;
      if (entry.isSent) continue;
      entry.isSent = true;
      this.#unanswered += 1;
      this.#deps.requests.ask({ publish: entry.publish }, (outcome) => this.#answered(entry, outcome));
    }
  }

  #answered(entry: Entry, outcome: Outcome): void {
    this.#unanswered -= 1;
    if ("answer" in outcome) {
      this.#backoff.reset();
      this.#finish(entry, { answer: publishAnswerOf(outcome.answer) });
    } else if (outcome.error.retryable) {
      entry.isSent = false;
      if (outcome.error.reason !== "CONNECTION_LOST") this.#retryLater();
    } else {
      this.#finish(entry, outcome);
    }
    this.#flush();
  }

  #retryLater(): void {
    this.#retry ??= this.#deps.clock.after(this.#backoff.next(), () => {
      this.#retry = undefined;
      this.#flush();
    });
  }

  #finish(entry: Entry, outcome: Parameters<Entry["settle"]>[0]): void {
    if (!this.#entries.delete(entry)) return;
    this.#bytes -= entry.bytes;
    entry.limit.cancel();
    entry.settle(outcome);
  }

  #late(): HalleyError {
    const message = `not acknowledged within ${this.#deps.timeoutMs} ms; it may still have been stored: repeat it with its key`;
    return HalleyError.local("DEADLINE_EXCEEDED", "PUBLISH_TIMEOUT", message, { retryable: true });
  }
}

function publishAnswerOf({ published = {} }: ServerFrame): PublishAnswer {
  const position = published.position && { position: positionOf(published.position) };
  return { ...position, duplicate: published.duplicate === true };
}

/** A copy, so that what the app changes afterwards does not change what is sent. */
function copyOf(data: unknown): { readonly data: unknown; readonly bytes: number } | HalleyError {
  let text: string | undefined;
  try {
    text = stringify(data);
  } catch (cause) {
    return HalleyError.local("INVALID_ARGUMENT", "INVALID_DATA", "the data can't be written as JSON", { cause });
  }
  if (text === undefined) return HalleyError.local("INVALID_ARGUMENT", "INVALID_DATA", "the data is no JSON value");
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_DATA_BYTES) return { data: JSON.parse(text) as unknown, bytes };
  const message = `the data is ${bytes} bytes of JSON, at most ${MAX_DATA_BYTES} are allowed`;
  return HalleyError.local("INVALID_ARGUMENT", "TOO_LARGE", message);
}

/** JSON.stringify as it is: undefined, functions and symbols have no text. */
function stringify(data: unknown): string | undefined {
  return JSON.stringify(data);
}
