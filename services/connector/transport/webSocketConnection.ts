import type { Duplex } from "node:stream";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Batch } from "../channel/batch.js";
import type { Limits } from "../limits.js";
import { CLOSE, type Close } from "../protocol/closeCodes.js";
import type { Codec } from "../protocol/codec.js";
import type { ReadFrame } from "../protocol/readFrame.js";
import { countPublications, type ServerFrame } from "../protocol/serverFrame.js";
import type { Grace } from "../session/presenceSink.js";
import { FrameRate } from "../session/frameRate.js";
import type { Outlet } from "../session/outlet.js";
import { Session, type SessionServices } from "../session/session.js";
import type { ClosingWebSocket, WebSocketOwner } from "./closingWebSocket.js";
import type { Watched } from "./connectionSet.js";
import type { Flusher } from "./flusher.js";
import { SocketWriter, type WriterOwner } from "./socketWriter.js";

/** What one connection is. */
export interface UpgradedSocket {
  readonly webSocket: ClosingWebSocket;
  /** The socket that `webSocket` lives on. Both write whole frames to it, so that theirs and ours never interleave. */
  readonly socket: Duplex;
  readonly codec: Codec;
}

/** What all connections share. */
export interface ConnectionParts {
  readonly flusher: Flusher;
  readonly services: SessionServices;
  /** Told how many publications were queued for the client. */
  readonly onDelivered: (publications: number) => void;
  readonly onEnd: (connection: WebSocketConnection) => void;
  /** To be looked at soon: what is due may have changed. */
  readonly onChange: (connection: WebSocketConnection) => void;
}

/** After our close frame the client has this long to answer it. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Between looks at one that signs in, or for which something waits. */
const LOOK_MS = 1_000;

/** One WebSocket: reads frames into its session, writes what the session queues, and watches over time and bounds. */
export class WebSocketConnection implements Outlet, Watched, WebSocketOwner, WriterOwner {
  readonly transport = "websocket";
  slot = -1;
  readonly #parts: ConnectionParts;
  readonly #webSocket: ClosingWebSocket;
  readonly #socket: Duplex;
  readonly #codec: Codec;
  readonly #session: Session;
  readonly #writer: SocketWriter;
  readonly #rate: FrameRate;
  /** When its time to sign in began. */
  #openedAtMs: number;
  #receivedBytes = 0;
  /** The client's last sign of life; any byte is one. */
  #heardAtMs: number;
  #nextPingAtMs: number;
  #pingedAtMs = Infinity;
  /** Since when the same bytes wait, and how many of ours the socket had taken then. */
  #stuckSinceMs = Infinity;
  #writtenBytes = 0;
  /** Something waits in the socket: it is looked at often. */
  #isBlocked = false;
  #closingAtMs = Infinity;
  #ended = false;

  constructor({ webSocket, socket, codec }: UpgradedSocket, parts: ConnectionParts) {
    const { services, flusher } = parts;
    const { limits, clock } = services;
    this.#parts = parts;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#codec = codec;
    this.#openedAtMs = clock.monotonicMs();
    this.#heardAtMs = this.#openedAtMs;
    // Spread over the interval: connections that came together are not pinged together.
    this.#nextPingAtMs = this.#openedAtMs + limits.pingIntervalMs * (0.5 + Math.random() / 2);
    this.#rate = new FrameRate(clock, limits.framesPerSecond, limits.framesBurst);
    this.#writer = new SocketWriter({ socket, flusher, chain: flusher.chainOf(codec), limits, owner: this });
    this.#session = new Session(services, this);
    webSocket.belongTo(this, socket);
  }

  /** What waits for the client, in bytes. */
  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  get empty(): boolean {
    return this.#writer.queuedBytes === 0;
  }

  get congested(): boolean {
    return this.#writer.congested;
  }

  send(frame: ServerFrame): void {
    if (this.#ended) return;
    const publications = countPublications(frame);
    if (publications > 0) this.#parts.onDelivered(publications);
    this.#writer.send(frame);
  }

  publish(batch: Batch): boolean {
    const taken = this.#writer.publish(batch);
    if (taken) this.#parts.onDelivered(batch.publications.length);
    return taken;
  }

  drained(): Promise<void> {
    return this.#writer.drained();
  }

  close(close: Close, afterMs = 0): void {
    if (this.#ended || this.#closingAtMs !== Infinity) return;
    this.#closingAtMs = this.#now();
    this.#parts.onChange(this);
    this.#writer.finish({ kind: "disconnect", close, afterMs });
    this.#webSocket.close(close.code, close.reason);
    this.#end(close.reconnect ? afterMs + this.#limits.reconnectGraceMs : "over");
  }

  /** What waits may be what can't be written: it goes. */
  onFault(): void {
    try {
      this.#writer.drop();
      this.close(CLOSE.fault);
    } catch (error) {
      this.#parts.services.log.error({ err: error }, "a connection could not be closed; its socket is");
      this.#webSocket.terminate();
    }
  }

  /** Pings, and closes what is late, stuck or expired. */
  look(): number {
    const nowMs = this.#now();
    const wallMs = this.#parts.services.clock.nowMs();
    if (this.#closingAtMs === Infinity) this.#judge(nowMs, wallMs);
    else if (nowMs - this.#closingAtMs > CLOSE_TIMEOUT_MS) this.#webSocket.terminate();
    return this.#nextDeadlineMs(nowMs, wallMs);
  }

  onOverrun(): void {
    this.close(CLOSE.tooSlow);
  }

  onBlocked(): void {
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    this.#parts.onChange(this);
  }

  deadlineChanged(): void {
    this.#parts.onChange(this);
  }

  /** So much time was lost here, which the client could not use: what it must do within a time is due so much later. */
  forgive(lostMs: number): void {
    this.#openedAtMs += lostMs;
    // A ping that was answered since stays answered.
    if (this.#heardAtMs < this.#pingedAtMs) this.#pingedAtMs += lostMs;
    this.#stuckSinceMs += lostMs;
  }

  /** Sends the client away, to come back elsewhere. */
  drain(afterMs: number): void {
    this.close(CLOSE.draining, afterMs);
  }

  /** Ends at once, without a word. */
  terminate(): void {
    this.#webSocket.terminate();
  }

  get #limits(): Limits {
    return this.#parts.services.limits;
  }

  #now(): number {
    return this.#parts.services.clock.monotonicMs();
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#closingAtMs !== Infinity) return;
    if (!this.#session.open) {
      this.#receivedBytes += data.length;
      if (this.#receivedBytes > this.#limits.signInBytes) {
        this.#refuse("too much was sent before connect was answered", CLOSE.protocolViolated);
        return;
      }
    }
    const frames = this.#decode(data, isBinary);
    for (const frame of frames ?? []) {
      if (this.#closingAtMs !== Infinity) return;
      if (!this.#rate.take()) {
        const error = new RpcError("TOO_MANY_FRAMES", `more than ${String(this.#limits.framesPerSecond)} frames a second`);
        this.send({ kind: "error", id: 0, error });
        this.close(CLOSE.limitAbused);
        return;
      }
      this.#session.onFrame(frame);
    }
  }

  onClosing(code: number | undefined): void {
    // 1000: the client said goodbye. A reload (1001) or a cut (1006) is no leave yet.
    this.#beginClosing(code === 1000 ? "over" : this.#limits.reconnectGraceMs);
  }

  onClosed(): void {
    this.#end(this.#limits.reconnectGraceMs);
  }

  onBytes(): void {
    this.#heardAtMs = this.#now();
  }

  /** A close frame was written that is not ours: nothing may follow it, and the client has not for ever to end. */
  #beginClosing(grace: Grace): void {
    if (this.#closingAtMs !== Infinity) return;
    this.#closingAtMs = this.#now();
    this.#parts.onChange(this);
    this.#end(grace);
  }

  /** The client's side ended without a close frame. It may still read what was written, but not for ever. */
  onHalfClosed(): void {
    if (this.#closingAtMs !== Infinity || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#beginClosing(this.#limits.reconnectGraceMs);
  }

  #decode(data: Buffer, isBinary: boolean): readonly ReadFrame[] | undefined {
    const codec = this.#codec;
    try {
      if (isBinary !== codec.binary) throw new RpcError("MALFORMED_FRAME", `${codec.subprotocol} takes ${codec.binary ? "binary" : "text"} messages`);
      return codec.decode(data, this.#limits.framesBurst);
    } catch (thrown) {
      const error = this.#parts.services.explain(thrown);
      this.send({ kind: "error", id: 0, error });
      this.close(error.reason === "TOO_MANY_FRAMES" ? CLOSE.limitAbused : CLOSE.protocolViolated);
      return undefined;
    }
  }

  #judge(nowMs: number, wallMs: number): void {
    if (!this.#session.open && nowMs - this.#openedAtMs > this.#limits.signInMs) this.#refuse("connect was not sent and answered in time", CLOSE.signInLate);
    else if (wallMs >= this.#session.expiresAtMs) this.close(CLOSE.tokenExpired);
    else if (this.#isStuck(nowMs)) this.close(CLOSE.tooSlow);
    else this.#pingWhenDue(nowMs);
  }

  /** In how many milliseconds something may be due. */
  #nextDeadlineMs(nowMs: number, wallMs: number): number {
    if (this.#closingAtMs !== Infinity) return this.#closingAtMs + CLOSE_TIMEOUT_MS + 1 - nowMs;
    if (!this.#session.open) return Math.min(this.#openedAtMs + this.#limits.signInMs + 1 - nowMs, LOOK_MS);
    this.#isBlocked = this.#writer.isBlocked;
    if (this.#isBlocked) return LOOK_MS;
    return Math.min(this.#session.expiresAtMs - wallMs, this.#nextPingAtMs - nowMs, this.#pingedAtMs + this.#limits.pongMs + 1 - nowMs);
  }

  #refuse(why: string, close: Close): void {
    this.send({ kind: "error", id: 0, error: new RpcError("NOT_CONNECTED", why) });
    this.close(close);
  }

  #pingWhenDue(nowMs: number): void {
    const { pingIntervalMs, pongMs } = this.#limits;
    // A ping behind what waits for a slow client is answered late. It lives while it takes bytes: `#isStuck` sees the end of that.
    if (this.#heardAtMs >= this.#pingedAtMs || this.#writer.queuedBytes > 0) this.#pingedAtMs = Infinity;
    if (nowMs - this.#pingedAtMs > pongMs) {
      this.close(CLOSE.noPong);
      return;
    }
    if (nowMs < this.#nextPingAtMs || !this.#session.open || this.#writer.queuedBytes > 0) return;
    this.#nextPingAtMs = nowMs + pingIntervalMs;
    this.#pingedAtMs = Math.min(this.#pingedAtMs, nowMs);
    this.send({ kind: "ping", positions: this.#session.provenPositions() });
  }

  /** Whether something waits and the socket has taken nothing for too long. */
  #isStuck(nowMs: number): boolean {
    if (this.empty) {
      this.#stuckSinceMs = Infinity;
      return false;
    }
    const socket = this.#socket;
    const written = "bytesWritten" in socket && typeof socket.bytesWritten === "number" ? socket.bytesWritten - socket.writableLength : 0;
    if (this.#stuckSinceMs === Infinity || written !== this.#writtenBytes) {
      this.#writtenBytes = written;
      this.#stuckSinceMs = nowMs;
      return false;
    }
    return nowMs - this.#stuckSinceMs > this.#limits.stuckMs;
  }

  #end(grace: Grace): void {
    this.#writer.end();
    if (this.#ended) return;
    this.#ended = true;
    this.#session.end(grace);
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) this.#parts.onEnd(this);
    else this.#webSocket.once("close", () => { this.#parts.onEnd(this); });
  }
}
