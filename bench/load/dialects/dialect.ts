import type { OnMessage } from "../frameReader.js";

/** Who signs in, and what is subscribed. */
export interface SignIn {
  /** Only Halley's connectors ask for one. */
  readonly token: string;
  readonly channel: string;
  /** What was answered to an earlier connection of the same client, which now comes back to where it was. */
  readonly earlier?: readonly string[];
}

/** What a connection tells its subscriber. */
export interface Listener {
  /** A publication's bytes, with whatever the server puts around the payload. */
  readonly publication: OnMessage;
  /** The subscription stands: whatever is published from now on will come. The server's answers, for `SignIn.earlier`. */
  readonly subscribed: (answers?: readonly string[]) => void;
  /** Sends bytes. */
  readonly send: (bytes: Buffer) => void;
}

/** One connection, as its subscriber hears it. Throws on what it doesn't expect. */
export interface Conversation {
  /** Once, when there is a connection: after the upgrade where there is one. */
  begin(): void;
  /** The payload of a data frame stands in `bytes` from `from` to `to`, until this returns. */
  hear(bytes: Buffer, from: number, to: number): void;
}

/** How to speak with one kind of server. What it must do for each publication is to cost next to nothing. */
export interface Dialect {
  /** What the upgrade asks for. Undefined: there is none, frames come on the bare connection. */
  upgrade(signIn: SignIn): Upgrade | undefined;
  converse(signIn: SignIn, listener: Listener): Conversation;
}

/** A WebSocket's path and subprotocol. */
export interface Upgrade {
  readonly path: string;
  readonly subprotocol?: string;
}
