import { type ClientFrame, type Positions, type ServerFrame } from "./frames.js";

/** How frames travel. */
export type TransportName = "websocket" | "poll";

/** Why a link is over. */
export interface LinkEnd {
  /** The close code of the protocol, or of WebSocket; 0 where nothing was said (a failed fetch, a time limit of ours). */
  readonly code: number;
  readonly reason: string;
  /** What the connector said about coming back; left out: the code decides. */
  readonly reconnect?: boolean;
  /** Not earlier than this many milliseconds from now. */
  readonly afterMs?: number;
  /** Nothing came any more, and nothing told that it was over. */
  readonly isSilent?: boolean;
}

/** What a link tells, in the order in which it happens; after `onEnd` nothing more. */
export interface LinkEvents {
  /** Frames can travel. A WebSocket that has opened may still turn out to carry nothing. */
  onOpen(): void;
  /** Bytes came: the connector lives. `askedAtMs`: when they were asked for (monotonic), where they are an answer. */
  onAlive(askedAtMs?: number): void;
  onFrame(frame: ServerFrame): void;
  /** These channels are proven up to these positions by what was handed over before. */
  onPositions(positions: Positions): void;
  onEnd(end: LinkEnd): void;
}

/** One attempt to reach the connector. */
export interface Link {
  /** Sends, or keeps until it has opened. Frames of one turn of the event loop travel together. The first is `connect`. */
  send(frame: ClientFrame): void;
  /**
   * Ends it; no event comes after. Idempotent. `goodbye`: nobody comes back to the session soon, so that its user may be offline at
   * once; a transport that can't say so doesn't.
   */
  close(goodbye: boolean): void;
}

/** The port between the client and the network; `websocket.ts` and `poll.ts` are behind it. */
export interface Transport {
  readonly name: TransportName;
  /** Starts a link. No event comes before this returns. May throw where the browser forbids it at once (mixed content). */
  open(events: LinkEvents): Link;
}
