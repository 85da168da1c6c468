import { type Violation } from "./errors.js";

/** A place in the history of a channel. Bring it back to be given everything after it. */
export interface Position {
  /** Grows along a channel, with holes. */
  readonly offset: number;
  /** Names the history that the offset belongs to. */
  readonly epoch: string;
}

/** One message of a channel. */
export interface Publication<T = unknown> {
  readonly channel: string;
  /** Its place in the history. */
  readonly offset: number;
  /** The full name of a protobuf message, or the name of an event; absent on untyped JSON. */
  readonly type?: string;
  readonly data: T;
  /** The user id of the sender, where a browser published it. */
  readonly sender?: string;
  /** When Halley accepted it (RFC 3339); absent on some messages published straight onto NATS. */
  readonly time?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** What became of a publish. */
export interface PublishAnswer {
  /** Where the message is stored; absent where the channel has no history. */
  readonly position?: Position;
  /** True when the key was seen before: nothing new was stored. */
  readonly duplicate: boolean;
}

/** Who is in a channel. */
export interface Members {
  /** User ids, sorted; at most 1,000. */
  readonly users: readonly string[];
  /** How many sessions (tabs, devices) they are. */
  readonly sessions: number;
}

/** Positions by channel, or by namespace in a ping. */
export type Positions = Readonly<Record<string, Position>>;

/** What is asked by a frame with an id: exactly one of them. */
export interface Request {
  readonly connect?: { readonly token: string; readonly session?: string; readonly positions: Positions };
  readonly subscribe?: { readonly channel: string; readonly position?: Position };
  readonly unsubscribe?: { readonly channel: string };
  readonly publish?: { readonly channel: string; readonly type?: string; readonly data: unknown; readonly key: string };
  readonly members?: { readonly channel: string };
  readonly refresh?: { readonly token: string };
}

/** A frame from here to the connector. */
export interface ClientFrame extends Request {
  readonly id?: number;
  readonly pong?: Readonly<Record<string, never>>;
}

/** That a subscription stands. Fields at their default may be left out, as in all frames of the connector. */
export interface SubscribedFrame {
  readonly channel?: string;
  readonly position?: Partial<Position>;
  readonly recovered?: boolean;
  readonly publications?: readonly Publication[];
}

/** That the connection is signed in. */
export interface ConnectedFrame {
  readonly session: string;
  readonly user: string;
  readonly pingIntervalMs?: number;
  readonly subscriptions?: Readonly<Record<string, SubscribedFrame>>;
}

/** Why a frame was refused. */
export interface ErrorFrame {
  readonly code?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly retryable?: boolean;
  readonly violations?: readonly Violation[];
}

/** The last frame before the connector closes. */
export interface DisconnectFrame {
  readonly code: number;
  readonly reason?: string;
  readonly reconnect?: boolean;
  readonly afterMs?: number;
}

/** A frame from the connector: exactly one of the fields beside `id` is there. */
export interface ServerFrame {
  readonly id?: number;
  readonly connected?: ConnectedFrame;
  readonly subscribed?: SubscribedFrame;
  readonly unsubscribed?: { readonly channel: string; readonly reason?: string };
  readonly published?: { readonly position?: Partial<Position>; readonly duplicate?: boolean };
  readonly members?: { readonly users?: readonly string[]; readonly sessions?: number };
  readonly refreshed?: { readonly expiresAt?: string };
  readonly error?: ErrorFrame;
  readonly publication?: Publication;
  readonly reset?: { readonly channel: string; readonly position?: Partial<Position>; readonly reason?: string };
  readonly ping?: { readonly positions?: Positions };
  readonly disconnect?: DisconnectFrame;
}

/** A position as it came over the wire, with what was left out. Throws where it is none. */
export function positionOf(wire: Partial<Position> | undefined): Position {
  const { offset = 0, epoch = "" } = wire ?? {};
  if (!Number.isSafeInteger(offset) || typeof epoch !== "string") throw new TypeError("a position is no position");
  return { offset, epoch };
}

/**
 * The position that replaces `known`. Throws where it is none: who took "from now on" for a position could be handed over
 * again what it has.
 */
export function replacing(known: Position | undefined, wire: Partial<Position> | undefined): Position {
  const position = positionOf(wire);
  if (position.epoch === "" && known && known.epoch !== "") throw new TypeError("a position has no epoch");
  return position;
}

/** A publication whose place is certain: without one it could come twice. Throws where it has none. */
export function checked(publication: Publication): Publication {
  if (!Number.isSafeInteger(publication.offset)) throw new TypeError("a publication has no offset");
  return publication;
}
