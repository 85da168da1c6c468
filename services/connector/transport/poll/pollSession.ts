import { createHash, timingSafeEqual } from "node:crypto";
import type { Timer } from "../../../../lib/clock.js";
import type { Limits } from "../../limits.js";
import { FrameRate } from "../../session/frameRate.js";
import { PublishSlots } from "../../session/publishSlots.js";
import type { SessionServices } from "../../session/session.js";
import type { SessionId } from "../../session/sessionId.js";
import type { SessionOwner, Successor } from "../../session/sessionRegistry.js";
import type { Poll, PollEnd } from "./poll.js";

/** What a polled session is made with. */
interface PollSessionParts {
  readonly id: SessionId;
  readonly userId: string;
  readonly services: SessionServices;
  /** Told once, when the session is no longer here. */
  readonly onEnd: () => void;
}

/** A token that was verified. */
interface SignedInToken {
  /** SHA-256 of its text, which is not kept. */
  readonly digest: Buffer;
  readonly expiresAtMs: number;
}

/**
 * What this connector remembers of a session between its polls: that it is online, and which token was verified last. What an
 * answer holds depends on none of it. It counts as online while a poll waits, and for `pollGraceMs` after its last answer.
 */
export class PollSession implements SessionOwner {
  /** Shared by its polls: one that was ended may still wait for answers. */
  readonly publishes: PublishSlots;
  readonly #parts: PollSessionParts;
  readonly #rate: FrameRate;
  /** What it is subscribed to, as long as the session is owned here. */
  readonly #channels = new Set<string>();
  #current: { readonly seq: number; readonly poll: Poll } | undefined;
  #idle: Timer;
  /** Since when no poll waits, by the clock that only goes on; undefined while one does. */
  #idleSinceMs: number | undefined;
  /** When it first polled here, milliseconds since 1970. */
  #begunAtMs: number | undefined;
  #owned = false;
  #ended = false;
  #token: SignedInToken | undefined;

  constructor(parts: PollSessionParts) {
    this.#parts = parts;
    this.publishes = new PublishSlots(this.#limits.publishesInFlight);
    this.#rate = new FrameRate(parts.services.clock, this.#limits.framesPerSecond, this.#limits.framesBurst);
    this.#idle = this.#endWhenIdle();
  }

  get id(): SessionId {
    return this.#parts.id;
  }

  get userId(): string {
    return this.#parts.userId;
  }

  /** The end of its token's life, milliseconds since 1970; Infinity where it has none. */
  get expiresAtMs(): number {
    return this.#token?.expiresAtMs ?? Infinity;
  }

  /** Its token was verified: the same need not be again as long as it lives. */
  signIn(text: string, expiresAtMs: number): void {
    this.#token = { digest: digestOf(text), expiresAtMs };
  }

  /** Whether a token is the one that was verified last, and lives. Takes as long for a wrong one as for the right one. */
  isSignedInWith(text: string): boolean {
    const token = this.#token;
    return token !== undefined && this.#parts.services.clock.nowMs() < token.expiresAtMs && timingSafeEqual(digestOf(text), token.digest);
  }

  /** Whether so many frames more may come now. */
  takeFrames(count: number): boolean {
    for (let taken = 0; taken <= count; taken++) if (!this.#rate.take()) return false;
    return true;
  }

  /**
   * The poll is the session's newest: an older one is ended. False when a newer one waits already. Throws TOO_MANY_SESSIONS;
   * a session that never began is gone then.
   */
  begin(seq: number, poll: Poll): boolean {
    if (this.#current && seq < this.#current.seq) return false;
    this.#claim();
    this.#current?.poll.end("superseded");
    this.#current = { seq, poll };
    this.#idle.cancel();
    this.#idleSinceMs = undefined;
    return true;
  }

  /** The session's channels are those of the poll now, if it is the newest. */
  setChannels(poll: Poll): void {
    const { channels } = poll;
    if (this.#ended || !this.#owned || this.#current?.poll !== poll) return;
    for (const channel of this.#channels) if (!channels.has(channel)) this.#leave(channel);
    for (const channel of channels) if (!this.#channels.has(channel)) this.#join(channel);
  }

  /** The poll is answered, or can't be any more. */
  finish(poll: Poll): void {
    if (this.#current?.poll !== poll) return;
    this.#current = undefined;
    if (!this.#ended) this.#idle = this.#endWhenIdle();
  }

  /** Ends the waiting poll, if there is one. */
  endPoll(end: PollEnd): void {
    this.#current?.poll.end(end);
  }

  /** Its first poll was refused: nobody may count on it, and nothing is left of it. */
  endUnlessBegun(): void {
    if (this.#begunAtMs === undefined) this.#end();
  }

  supersede(successor: Successor): void {
    this.#current?.poll.end("superseded");
    // Elsewhere: polls may alternate between connectors, so presence has the session here too until it has been idle.
    if (successor === "here") this.#end();
    else this.#disown();
  }

  /** This connector goes away: the session is online for as long as it would be if it were still remembered. */
  leaveBehind(): void {
    const idleMs = this.#idleSinceMs === undefined ? 0 : this.#parts.services.clock.monotonicMs() - this.#idleSinceMs;
    this.#end(Math.max(0, this.#limits.pollGraceMs - idleMs));
  }

  get #limits(): Limits {
    return this.#parts.services.limits;
  }

  #claim(): void {
    const { services, id, userId } = this.#parts;
    try {
      services.registry.claim(id, userId, this);
    } catch (error) {
      this.endUnlessBegun();
      throw error;
    }
    if (this.#owned) return;
    this.#owned = true;
    this.#begunAtMs ??= services.clock.nowMs();
    // Anew also where it was known: a WebSocket may have come here, and gone, while the session was elsewhere.
    services.presence.sessionOpened({ id: id.bytes, user: userId, transport: "poll", sinceMs: this.#begunAtMs });
  }

  /** The session's channels are counted where its newest connection is. */
  #disown(): void {
    this.#owned = false;
    for (const channel of this.#channels) this.#parts.services.counts.remove(channel);
    this.#channels.clear();
  }

  #endWhenIdle(): Timer {
    const { clock } = this.#parts.services;
    this.#idleSinceMs = clock.monotonicMs();
    return clock.after(this.#limits.pollGraceMs, () => { this.#end(0); });
  }

  #join(channel: string): void {
    const { services, id } = this.#parts;
    this.#channels.add(channel);
    services.counts.add(channel);
    if (services.keepsMembers(channel)) services.presence.joined(id.bytes, channel);
  }

  #leave(channel: string): void {
    const { services, id } = this.#parts;
    this.#channels.delete(channel);
    services.counts.remove(channel);
    if (services.keepsMembers(channel)) services.presence.left(id.bytes, channel);
  }

  /** `graceMs`: for how long presence has it online from now on; undefined: it is somebody else's to tell. */
  #end(graceMs?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const { services, id, onEnd } = this.#parts;
    this.#idle.cancel();
    this.#disown();
    services.registry.release(id, this);
    // A WebSocket may have brought the session back here, by way of another connector: it is not ours to close then.
    if (graceMs !== undefined && this.#begunAtMs !== undefined && !services.registry.isHere(id)) services.presence.sessionClosed(id.bytes, Math.round(graceMs));
    onEnd();
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
