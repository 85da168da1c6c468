import { RpcError } from "../../../../lib/errors/rpcError.js";
import type { SessionServices } from "../../session/session.js";
import type { SessionId } from "../../session/sessionId.js";
import { Poll } from "./poll.js";
import { readPollRequest } from "./pollRequest.js";
import { PollSession } from "./pollSession.js";

/** What the server needs. */
interface PollServerParts {
  readonly services: SessionServices;
  /** Told how many publications went into an answer. */
  readonly onDelivered: (publications: number) => void;
}

/** Answers polls: each by itself, for any session, also one that another connector has made. */
export class PollServer {
  readonly #parts: PollServerParts;
  readonly #sessions = new Map<string, PollSession>();
  #waiting = 0;
  #draining = false;

  constructor(parts: PollServerParts) {
    this.#parts = parts;
  }

  /** Sessions that are online here by their polls. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Polls that are being answered. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Answers a poll's body with the answer's body. `gone` is aborted when the client is no longer there. Throws TOKEN_REFUSED,
   * TOKEN_EXPIRED, INVALID_REQUEST, MALFORMED_FRAME, TOO_MANY_FRAMES, TOO_MANY_SESSIONS, NOT_READY.
   */
  async answer(body: Buffer, gone: AbortSignal): Promise<string> {
    const { services, onDelivered } = this.#parts;
    if (this.#draining) throw new RpcError("NOT_READY", "this connector is going away: poll again", { retryAfterMs: 1_000 });
    const request = readPollRequest(body, services.limits);
    const { userId, expiresAtMs = Infinity } = await services.tokens.verify(request.token);
    const known = services.sessionIds.check(request.session, userId);
    const id = known ?? services.sessionIds.create(userId);
    // Who is gone must not take the session from a newer connection.
    if (gone.aborted) throw new RpcError("CANCELLED", "the client went away");
    const session = this.#sessionOf(id, userId);
    const { publishes } = session;
    const poll = new Poll(request, { services, userId, isNew: known === undefined, expiresAtMs, publishes, onDelivered });
    if (!session.takeFrames(request.frames.length)) {
      throw new RpcError("TOO_MANY_FRAMES", `more than ${String(services.limits.framesPerSecond)} frames a second`, { retryAfterMs: 1_000 });
    }
    if (!session.begin(request.seq, poll)) poll.end("superseded");
    // It may have begun while the token was checked.
    if (this.#isDraining()) poll.end("draining");
    const onGone = (): void => { poll.end("gone"); };
    gone.addEventListener("abort", onGone, { once: true });
    this.#waiting += 1;
    try {
      const { frames, positions } = await poll.answer(() => { session.setChannels(poll); });
      return `{"session":${JSON.stringify(id.text)},"frames":${frames},"positions":${positions}}`;
    } finally {
      this.#waiting -= 1;
      gone.removeEventListener("abort", onGone);
      session.finish(poll);
    }
  }

  /** Answers all waiting polls; later ones are refused. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions.values()) session.endPoll("draining");
  }

  /** Forgets all sessions, when their polls are answered; presence keeps them for what is left of their grace. */
  leaveBehind(): void {
    for (const session of [...this.#sessions.values()]) session.leaveBehind();
  }

  /** As a call, because it may have become true during any await. */
  #isDraining(): boolean {
    return this.#draining;
  }

  #sessionOf(id: SessionId, userId: string): PollSession {
    let session = this.#sessions.get(id.key);
    if (!session) {
      const made = new PollSession({ id, userId, services: this.#parts.services, onEnd: () => { if (this.#sessions.get(id.key) === made) this.#sessions.delete(id.key); } });
      session = made;
      this.#sessions.set(id.key, session);
    }
    return session;
  }
}
