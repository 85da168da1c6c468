/** The frames that a client reads, as JSON brings them. */
export interface Position {
  readonly offset: number;
  readonly epoch: string;
}

export interface Publication {
  readonly channel: string;
  readonly offset: number;
  readonly data: { readonly n: number };
}

export interface Subscribed {
  readonly channel?: string;
  readonly position: Position;
  readonly recovered?: boolean;
  readonly publications?: readonly Publication[];
}

export interface ServerFrame {
  readonly id?: number;
  readonly connected?: { readonly session: string; readonly subscriptions?: Readonly<Record<string, Subscribed>> };
  readonly subscribed?: Subscribed;
  readonly unsubscribed?: { readonly channel: string; readonly reason?: string };
  readonly publication?: Publication;
  readonly reset?: { readonly channel: string; readonly position: Position; readonly reason: string };
  readonly ping?: { readonly positions?: Readonly<Record<string, Position>> };
  readonly published?: { readonly position?: Position; readonly duplicate?: boolean };
  readonly disconnect?: { readonly code: number; readonly reason?: string; readonly reconnect?: boolean; readonly afterMs?: number };
  readonly error?: { readonly code: string; readonly reason: string; readonly message: string; readonly retryable?: boolean };
}

export interface PollAnswer {
  readonly session: string;
  readonly frames: readonly ServerFrame[];
  readonly positions: Readonly<Record<string, Partial<Position>>>;
}
