/** How a session's client is connected, as presence names it. */
export type TransportName = "websocket" | "poll";

/** For how many milliseconds a session that is not here still counts as online; `"over"`: nobody comes back to it, here or elsewhere. */
export type Grace = number | "over";

/** Where a connector reports its sessions to presence. All calls are synchronous and cheap. */
export interface PresenceSink {
  /** The session is here now. Repeated: its transport has changed. */
  sessionOpened(session: { readonly id: Uint8Array; readonly user: string; readonly transport: TransportName; readonly sinceMs: number }): void;
  /** It is here no longer. */
  sessionClosed(id: Uint8Array, grace: Grace): void;
  /** It subscribed to a channel of a namespace with presence on. */
  joined(id: Uint8Array, channel: string): void;
  /** It unsubscribed from one. */
  left(id: Uint8Array, channel: string): void;
}
