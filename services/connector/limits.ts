/** Every bound of a connector: docs/limits.md says the same for people. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** One WebSocket message. Larger: close 1009. A browser has no business sending more; backends publish over gRPC. */
  readonly frameBytes: number;
  /** The body of one poll: the positions of a full session and some frames. */
  readonly pollBodyBytes: number;
  /** Frames a second, sustained, and at once after a pause (a client that comes back subscribes to everything). */
  readonly framesPerSecond: number;
  readonly framesBurst: number;
  /** Frames in one poll. */
  readonly framesPerPoll: number;
  /** Channels that a session may have beside its inbox and `all`. */
  readonly subscriptionsPerSession: number;
  /** Sessions of one user on one connector. */
  readonly sessionsPerUser: number;
  /** WebSockets and waiting polls together. */
  readonly connections: number;
  /** From the first byte until `connect` is answered. */
  readonly signInMs: number;
  /** Received on a WebSocket before `connect` is answered. */
  readonly signInBytes: number;
  /** Waiting for a client's socket; past it the subscriptions fall back to their positions. */
  readonly queueBytes: number;
  /** Replies waiting for a client's socket; a client that asks and doesn't read is closed with 3001. */
  readonly replyQueueBytes: number;
  /** Without a byte taken by a client that has something waiting: close 3001. */
  readonly stuckMs: number;
  /** From one ping to the next. */
  readonly pingIntervalMs: number;
  /** After a ping without any byte from the client: close 3002. */
  readonly pongMs: number;
  /** Publications in one answer to subscribe, one step of catching up, or one poll. */
  readonly chunkBytes: number;
  readonly chunkMessages: number;
  /** The longest wait of a poll. */
  readonly pollWaitMs: number;
  /** A polled session counts as online for this long after an answer. */
  readonly pollGraceMs: number;
  /** An unclean end is no leave for this long. */
  readonly reconnectGraceMs: number;
  /** Interest and ring of a channel without subscribers are kept for this long. */
  readonly lingerMs: number;
  /** Channels kept in this way; past it the one without subscribers for longest goes. */
  readonly lingeringChannels: number;
  /** Recent publications of one channel, and of all together. */
  readonly ringBytesPerChannel: number;
  readonly ringBytes: number;
  /** Live messages of a channel that wait while its history is read. Past it they are read from the history too. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Publishes of one session without an answer. */
  readonly publishesInFlight: number;
  /** SIGTERM: clients are sent away over this window. */
  readonly drainMs: number;
}

/** The limits of a connector unless a test sets others. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  frameBytes: 256 * 1024,
  pollBodyBytes: 512 * 1024,
  framesPerSecond: 100,
  framesBurst: 2_000,
  framesPerPoll: 200,
  subscriptionsPerSession: 1_000,
  sessionsPerUser: 64,
  connections: 18_000,
  signInMs: 10_000,
  // A client that comes back sends connect and up to 1,000 subscribes with their positions at once.
  signInBytes: 512 * 1024,
  queueBytes: 256 * 1024,
  replyQueueBytes: 1024 * 1024,
  stuckMs: 30_000,
  pingIntervalMs: 25_000,
  pongMs: 10_000,
  chunkBytes: 128 * 1024,
  chunkMessages: 1_000,
  pollWaitMs: 30_000,
  pollGraceMs: 10_000,
  reconnectGraceMs: 5_000,
  lingerMs: 30_000,
  lingeringChannels: 20_000,
  ringBytesPerChannel: 1024 * 1024,
  ringBytes: 128 * 1024 * 1024,
  waitingMessages: 10_000,
  waitingBytes: 8 * 1024 * 1024,
  publishesInFlight: 256,
  drainMs: 10_000,
});
