import type { Duplex } from "node:stream";
import type { Batch } from "../channel/batch.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import type { Flusher } from "./flusher.js";
import type { FrameChain, FrameLink } from "./frameChain.js";

/** The bounds of a writer, in bytes. */
interface WriterLimits {
  /** Publications are refused when this much waits. */
  readonly queueBytes: number;
  /** The connection is overrun when this much waits. */
  readonly replyQueueBytes: number;
}

/** What a writer is made with. */
interface WriterParts {
  readonly socket: Duplex;
  readonly flusher: Flusher;
  readonly chain: FrameChain;
  readonly limits: WriterLimits;
  readonly owner: WriterOwner;
}

/** Who hears of what a client leaves unread. */
export interface WriterOwner {
  /** More answers wait than the client may leave unread. */
  onOverrun(): void;
  /** The socket could not take all that was written. */
  onBlocked(): void;
  /** What waits could not be written. Never throws. */
  onFault(): void;
}

/**
 * Writes ready-made WebSocket messages to one socket, coalesced: everything due goes out in one message at the end of the
 * turn. While the socket takes no more, frames wait as a link of shared chains, bounded in bytes.
 */
export class SocketWriter {
  readonly #parts: WriterParts;
  #pending: FrameLink | undefined;
  #scheduled = false;
  #drainWaiters: (() => void)[] = [];
  #ended = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    parts.socket.on("drain", () => { this.#onDrain(); });
  }

  /** What waits for the client, in bytes. */
  get queuedBytes(): number {
    return (this.#pending?.bytes ?? 0) + this.#parts.socket.writableLength;
  }

  /** Whether the socket has not taken all that was written to it. */
  get isBlocked(): boolean {
    return this.#parts.socket.writableLength > 0;
  }

  /** Whether half of what publications may fill waits, and the socket takes no more at the moment: `drained` will tell. */
  get congested(): boolean {
    return !this.#isDrained && this.queuedBytes >= this.#parts.limits.queueBytes / 2;
  }

  /** Queues publications; false, and nothing queued, when too much waits. They are always taken when nothing waits. */
  publish(batch: Batch): boolean {
    if (this.#ended || this.queuedBytes >= this.#parts.limits.queueBytes) return false;
    this.#pending = this.#parts.chain.addBatch(this.#pending, batch);
    this.#schedule();
    return true;
  }

  /** Queues a frame of this client. */
  send(frame: ServerFrame): void {
    if (this.#ended) return;
    const { chain, limits, owner } = this.#parts;
    if (frame.kind === "publication") this.#pending = chain.addPublication(this.#pending, frame.publication);
    else this.#pending = chain.addFrame(this.#pending, chain.codec.encode(frame));
    this.#schedule();
    if (this.queuedBytes > limits.replyQueueBytes && this.#parts.socket.writableNeedDrain) owner.onOverrun();
  }

  /** Resolves when the socket has taken all that waits and takes more, or the writer has ended. */
  drained(): Promise<void> {
    if (this.#ended || this.#isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  /** Writes what waits, if the socket takes it. */
  flush(): void {
    this.#scheduled = false;
    const { socket, chain } = this.#parts;
    if (!this.#pending || this.#ended || socket.writableNeedDrain) return;
    const message = this.#pending.message(chain.codec);
    this.#pending = undefined;
    socket.write(message);
    if (this.isBlocked) this.#parts.owner.onBlocked();
    // The socket tells of its draining only when it was full.
    if (this.#isDrained) this.#tellDrained();
  }

  onFault(): void {
    this.#parts.owner.onFault();
  }

  /** Forgets what waits. */
  drop(): void {
    this.#pending = undefined;
  }

  /** Writes a last frame behind what waits, then ends. Where the socket takes no more, what waits gives way to it. */
  finish(frame: ServerFrame): void {
    const { socket, chain } = this.#parts;
    if (!this.#ended && socket.writable) {
      const before = socket.writableNeedDrain ? undefined : this.#pending;
      socket.write(chain.addFrame(before, chain.codec.encode(frame)).message(chain.codec));
    }
    this.end();
  }

  /** Takes no more; what waits is dropped, those who wait are told. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#pending = undefined;
    this.#tellDrained();
  }

  get #isDrained(): boolean {
    return !this.#pending && !this.#parts.socket.writableNeedDrain;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.flusher.schedule(this);
  }

  #onDrain(): void {
    this.flush();
    if (this.#isDrained) this.#tellDrained();
  }

  #tellDrained(): void {
    const waiters = this.#drainWaiters;
    if (waiters.length === 0) return;
    this.#drainWaiters = [];
    for (const tell of waiters) tell();
  }
}
