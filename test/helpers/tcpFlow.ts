import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

/** What a line does to bytes on their way. May be changed at any time; what is under way keeps its delay. */
export interface LineFaults {
  /** Everything takes so long, in milliseconds. */
  delayMs: number;
  /** No more than this, in bursts of half a second each; 0: as fast as it goes. */
  bytesPerSecond: number;
  /** Every byte is sent by itself. */
  isChopped: boolean;
}

/** Past this the sender is not read any more, so that it notices. */
const QUEUE_BYTES = 16 * 1024;
/** A delay holds back what the sender may send meanwhile. */
const DELAYED_QUEUE_BYTES = 1024 * 1024;
const BURST_MS = 500;
/** Of so many bytes one is surely read before the next is sent. */
const ALONE_EVERY = 8;

/** One direction of a line: takes bytes in order, and brings them to the other end with the faults of the line. */
export class TcpFlow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: LineFaults;
  readonly #queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  #bytes = 0;
  #pumping: Promise<void> | undefined;

  constructor(from: Socket, to: Socket, faults: LineFaults) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
  }

  send(chunk: Buffer): void {
    const { delayMs, bytesPerSecond, isChopped } = this.#faults;
    if (!this.#pumping && delayMs === 0 && bytesPerSecond === 0 && !isChopped) {
      this.#write(chunk);
      return;
    }
    this.#queue.push({ chunk, dueMs: performance.now() + delayMs });
    this.#bytes += chunk.length;
    if (this.#bytes > (delayMs > 0 ? DELAYED_QUEUE_BYTES : QUEUE_BYTES)) this.#from.pause();
    this.#pumping ??= this.#pump();
  }

  /** Calls back when everything that was sent has gone on its way; at once where nothing waits. */
  end(then: () => void): void {
    if (this.#pumping) void this.#pumping.then(then);
    else then();
  }

  async #pump(): Promise<void> {
    for (let next = this.#queue.shift(); next && !this.#to.destroyed; next = this.#queue.shift()) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await this.#bring(next.chunk);
      this.#bytes -= next.chunk.length;
      if (this.#bytes <= QUEUE_BYTES) this.#from.resume();
    }
    this.#pumping = undefined;
  }

  async #bring(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#to.destroyed; ) {
      const { bytesPerSecond, isChopped } = this.#faults;
      const burst = bytesPerSecond === 0 ? chunk.length : Math.max(1, Math.floor((bytesPerSecond * BURST_MS) / 1_000));
      const piece = chunk.subarray(at, at + (isChopped ? 1 : burst));
      at += piece.length;
      this.#write(piece);
      // Only time keeps the system from putting bytes together again, and a timer for each would take too much of it.
      if (isChopped && at % ALONE_EVERY === 0) await pause(1);
      else if (isChopped) await new Promise((resolve) => setImmediate(resolve));
      else if (bytesPerSecond > 0) await pause((piece.length / bytesPerSecond) * 1_000);
    }
  }

  #write(chunk: Buffer): void {
    if (this.#to.destroyed || this.#to.write(chunk)) return;
    this.#from.pause();
    this.#to.once("drain", () => { this.#from.resume(); });
  }
}
