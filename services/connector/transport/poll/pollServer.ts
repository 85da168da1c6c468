import { RpcError } from "../../../../lib/errors/rpcError.js";
import type { SessionServices } from "../../session/session.js";
import type { SessionId } from "../../session/sessionId.js";
import type { Identity } from "../../session/token.js";
import type { Departure } from "./departure.js";
import { Poll } from "./poll.js";
import { type PollRequest, readPollRequest } from "./pollRequest.js";
import { PollSession } from "./pollSession.js";
import { PublicationEncoder } from "./publicationEncoder.js";

/** What the server needs. */
interface PollServerParts {
  readonly services: SessionServices;
  /** Told how many publications went into an answer. */
  readonly onDelivered: (publications: number) => void;
}

/** Whose poll it is. */
interface SignedIn {
  readonly session: PollSession;
  /** Whether the client doesn't know its session id yet. */
  readonly isNew: boolean;
  /** The end of the life of the token that this poll brought, milliseconds since 1970; Infinity where it has none. */
  readonly expiresAtMs: number;
}

/** Answers polls: each by itself, for any session, also one that another connector has made. */
export class PollServer {
  readonly #parts: PollServerParts;
  /** By the text of their ids. */
  readonly #sessions = new Map<string, PollSession>();
  readonly #encoder = new PublicationEncoder();
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

  /** What is remembered of answers, to be shared by polls, in bytes. */
  get encodedBytes(): number {
    return this.#encoder.bytes;
  }

  /**
   * Answers a poll's body with the answer's body. `client` tells when nobody waits for it any more. Throws TOKEN_REFUSED,
   * TOKEN_EXPIRED, INVALID_REQUEST, MALFORMED_FRAME, TOO_MANY_FRAMES, TOO_MANY_SESSIONS, NOT_READY.
   */
  async answer(body: Buffer, client: Departure): Promise<string> {
    const { services, onDelivered } = this.#parts;
    if (this.#draining) throw new RpcError("NOT_READY", "this connector is going away: poll again", { retryAfterMs: 1_000 });
    refuseWhoIsGone(client);
    const request = readPollRequest(body, services.limits);
    const { session, isNew, expiresAtMs } = this.#known(request) ?? this.#signIn(request, await this.#verify(request, client));
    const { publishes, userId } = session;
    const poll = new Poll(request, { services, userId, isNew, expiresAtMs, publishes, encoder: this.#encoder, onDelivered });
    if (!session.takeFrames(request.frames.length)) {
      session.endUnlessBegun();
      throw new RpcError("TOO_MANY_FRAMES", `more than ${String(services.limits.framesPerSecond)} frames a second`, { retryAfterMs: 1_000 });
    }
    if (!session.begin(request.seq, poll)) poll.end("superseded");
    // It may have begun while the token was checked.
    if (this.#isDraining()) poll.end("draining");
    client.onLeave(() => { poll.end("gone"); });
    this.#waiting += 1;
    try {
      const { frames, positions } = await poll.answer(() => { session.setChannels(poll); });
      return `{"session":"${session.id.text}","frames":${frames},"positions":${positions}}`;
    } finally {
      this.#waiting -= 1;
      client.onLeave(undefined);
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

  /** The session, where the token is the one that was verified for it last. */
  #known({ session: text, token }: PollRequest): SignedIn | undefined {
    const session = this.#sessions.get(text);
    return session?.isSignedInWith(token) ? { session, isNew: false, expiresAtMs: session.expiresAtMs } : undefined;
  }

  async #verify({ token }: PollRequest, client: Departure): Promise<Identity> {
    const identity = await this.#parts.services.tokens.verify(token);
    // Who is gone must not take the session from a newer connection, nor leave one here.
    refuseWhoIsGone(client);
    return identity;
  }

  /** Waits for nothing: the session may end, or be signed in with another token, whenever somebody else has a turn. */
  #signIn({ session: text, token }: PollRequest, { userId, expiresAtMs = Infinity }: Identity): SignedIn {
    const { sessionIds } = this.#parts.services;
    const known = sessionIds.check(text, userId);
    const session = this.#sessionOf(known ?? sessionIds.create(userId), userId);
    session.signIn(token, expiresAtMs);
    return { session, isNew: known === undefined, expiresAtMs };
  }

  #sessionOf(id: SessionId, userId: string): PollSession {
    let session = this.#sessions.get(id.text);
    if (!session) {
      const made = new PollSession({ id, userId, services: this.#parts.services, onEnd: () => { if (this.#sessions.get(id.text) === made) this.#sessions.delete(id.text); } });
      session = made;
      this.#sessions.set(id.text, session);
    }
    return session;
  }
}

function refuseWhoIsGone(client: Departure): void {
  if (client.hasLeft) throw new RpcError("CANCELLED", "the client went away");
}
