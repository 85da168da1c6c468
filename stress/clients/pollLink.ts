import { Agent } from "node:http";
import { post } from "./post.js";
import type { PollAnswer, Position, ServerFrame } from "./protocol.js";
import type { ClientState } from "./state.js";

/** What polls are made with. */
export interface PollOptions {
  readonly state: ClientState;
  readonly token: string;
  /** Where the next poll goes; any connector will do. */
  readonly port: () => number;
  /** Numbers the polls of one session, over all its links. */
  readonly nextSeq: () => number;
  /** How long it waits for an answer beyond what it asked the connector to wait. */
  readonly quietMs?: number;
  /** Answers that this says true of are lost: the request is sent again. */
  readonly loses: () => boolean;
}

const WAIT_MS = 5_000;
/** The connector takes no more; the others come with the next poll. */
const FRAMES_PER_POLL = 150;
const QUIET_MS = 10_000;

/** Long-polls of a client, one after another, each at the connector that comes next. */
export class PollLink {
  readonly #options: PollOptions;
  readonly #abort = new AbortController();
  readonly #agent = new Agent({ keepAlive: true });
  readonly ended: Promise<void>;
  #waiting: { readonly frame: object; readonly settle: (frame: ServerFrame) => void }[] = [];
  #nextId = 1_000;
  #hasEnded = false;

  constructor(options: PollOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  /** Sends a frame with the next poll; resolves with its answer. */
  ask(frame: object): Promise<ServerFrame> {
    if (this.#hasEnded) return Promise.resolve(LOST);
    return new Promise((settle) => { this.#waiting.push({ frame, settle }); });
  }

  /** A poll that nobody waits for is no different from one that is lost. */
  abandon(): void {
    this.cut();
  }

  cut(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    try {
      while (!signal.aborted) await this.#poll();
    } catch (error) {
      this.#options.state.errors.push(error instanceof Error ? error.message.slice(0, 60) : "fault");
    } finally {
      this.#hasEnded = true;
      this.#agent.destroy();
      for (const { settle } of this.#waiting.splice(0)) settle(LOST);
    }
  }

  async #poll(): Promise<void> {
    const { state, token, nextSeq, loses } = this.#options;
    const brought = new Map(state.positions);
    const asked = new Map<number, string>();
    const requests = new Map<number, (frame: ServerFrame) => void>();
    const frames: object[] = [];
    for (const channel of state.records.keys()) {
      if (brought.has(channel) || channel === "all" || channel.startsWith("user.")) continue;
      if (frames.length === FRAMES_PER_POLL) break;
      asked.set(this.#nextId, channel);
      frames.push({ id: this.#nextId++, subscribe: { channel } });
    }
    for (const { frame, settle } of this.#waiting.splice(0)) {
      requests.set(this.#nextId, settle);
      frames.push({ id: this.#nextId++, ...frame });
    }
    const body = { ...(state.session === undefined ? {} : { session: state.session }), token, seq: nextSeq(), frames, positions: Object.fromEntries(brought), waitMs: WAIT_MS };
    try {
      let answer = await this.#send(body);
      while (loses()) answer = await this.#send(body);
      this.#handle(answer, asked, requests, brought);
    } finally {
      for (const settle of requests.values()) settle(LOST);
    }
  }

  async #send(body: object): Promise<PollAnswer> {
    const abort = new AbortController();
    const onAbort = (): void => { abort.abort(); };
    const timer = setTimeout(onAbort, WAIT_MS + (this.#options.quietMs ?? QUIET_MS));
    this.#abort.signal.addEventListener("abort", onAbort);
    try {
      return await this.#fetch(body, abort.signal);
    } finally {
      clearTimeout(timer);
      this.#abort.signal.removeEventListener("abort", onAbort);
    }
  }

  async #fetch(body: object, signal: AbortSignal): Promise<PollAnswer> {
    const { state, port: nextPort } = this.#options;
    const port = nextPort();
    const { isOk, status, text } = await post({ port, path: "/v1/poll" }, JSON.stringify(body), { agent: this.#agent, signal });
    const answer = JSON.parse(text) as PollAnswer & { error?: { reason: string } };
    state.source = `by ${String(port)} at ${new Date().toISOString().slice(17)}`;
    if (!isOk) throw new Error(answer.error?.reason ?? String(status));
    return answer;
  }

  #handle(answer: PollAnswer, asked: ReadonlyMap<number, string>, requests: Map<number, (frame: ServerFrame) => void>, brought: ReadonlyMap<string, Position>): void {
    const { state } = this.#options;
    state.session = answer.session;
    state.came();
    // A channel whose first position comes with this answer, without a subscribe frame: own ones.
    for (const [channel, { offset = 0, epoch = "" }] of Object.entries(answer.positions)) {
      if (!state.records.has(channel) || brought.has(channel) || [...asked.values()].includes(channel) || epoch === "") continue;
      const first = answer.frames.find(({ publication }) => publication?.channel === channel)?.publication?.offset;
      state.subscribed(channel, { position: { offset: first === undefined ? offset : first - 1, epoch }, recovered: false }, undefined);
    }
    for (const frame of answer.frames) {
      const { id, subscribed, unsubscribed, error } = frame;
      const settle = id === undefined ? undefined : requests.get(id);
      if (id !== undefined && settle) {
        requests.delete(id);
        settle(frame);
      } else if (subscribed) state.subscribed(asked.get(id ?? 0) ?? "", subscribed, undefined);
      else if (error) state.errors.push(error.reason);
      else if (unsubscribed?.reason !== undefined) state.errors.push(unsubscribed.reason);
      else state.take(frame);
    }
    for (const [channel, { offset = 0, epoch = "" }] of Object.entries(answer.positions)) this.#settlePosition(channel, { offset, epoch });
  }

  /** Own channels that nobody looks at are brought back as they came: a poll without them would be answered at once. */
  #settlePosition(channel: string, position: Position): void {
    const { state } = this.#options;
    if (position.epoch === "") return;
    if (state.records.has(channel)) state.raise(channel, position);
    else state.positions.set(channel, position);
  }
}

const LOST: ServerFrame = { error: { code: "UNAVAILABLE", reason: "CONNECTION_LOST", message: "the poll was lost", retryable: true } };
