/** The gRPC status names that Halley answers with. */
export type StatusName =
  | "CANCELLED"
  | "DEADLINE_EXCEEDED"
  | "FAILED_PRECONDITION"
  | "INTERNAL"
  | "INVALID_ARGUMENT"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "UNAUTHENTICATED"
  | "UNAVAILABLE"
  | "UNIMPLEMENTED";

interface CatalogueEntry {
  readonly code: StatusName;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** What it means and what to do; docs/errors.md says the same, and a test holds the two together. */
  readonly meaning: string;
}

/** Every error that Halley answers with: the reason is the fixed word for programs. docs/errors.md lists them for people. */
export const CATALOGUE = {
  INVALID_REQUEST: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A field of the request is missing or wrong. The violations list every one with its path.",
  },
  INVALID_MESSAGE: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The payload is not what its type says. The violations list every one with its path in the payload.",
  },
  MALFORMED_FRAME: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A frame could not be read, or holds nothing that the protocol knows. Correct the client.",
  },
  NOT_CONNECTED: {
    code: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The first frame of a WebSocket must be connect, and there is only one. Correct the client.",
  },
  PRESENCE_OFF: {
    code: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The namespace keeps no member lists. Set `presence: true` for it in halley.yaml.",
  },
  API_KEY_REFUSED: {
    code: "UNAUTHENTICATED",
    retryable: false,
    meaning: "The API key is missing or unknown. Send `authorization: Bearer <key>` with a key of HALLEY_API_KEYS.",
  },
  TOKEN_REFUSED: {
    code: "UNAUTHENTICATED",
    retryable: false,
    meaning: "The token is missing, not signed with the secret (HS256), or has no `sub`. Get a new one from your backend.",
  },
  TOKEN_EXPIRED: {
    code: "UNAUTHENTICATED",
    retryable: true,
    meaning: "The token has expired. Get a new one from your backend and come back with it.",
  },
  TOKEN_OF_ANOTHER_USER: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "A refresh brought the token of another user. Open a new connection for another user.",
  },
  ORIGIN_REFUSED: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The page's origin is not allowed. Add it to HALLEY_ALLOWED_ORIGINS.",
  },
  UNKNOWN_NAMESPACE: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The channel's first token is not a configured namespace. Add it to halley.yaml.",
  },
  SUBSCRIBE_DENIED: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "This user may not subscribe to the channel: the namespace doesn't allow it, or it is another user's inbox.",
  },
  PUBLISH_DENIED: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The channel can't be published to by this caller: the namespace doesn't allow it, or it is reserved.",
  },
  MEMBERS_DENIED: {
    code: "PERMISSION_DENIED",
    retryable: false,
    meaning: "Members are shown only to those who may subscribe to the channel.",
  },
  TOO_MANY_SUBSCRIPTIONS: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "The session has as many subscriptions as a session may have (docs/limits.md). Unsubscribe first.",
  },
  TOO_MANY_SESSIONS: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "The user has as many sessions on this connector as a user may have (docs/limits.md). Close some.",
  },
  TOO_MANY_FRAMES: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "The client sends more frames per second than it may (docs/limits.md). Slow the client down.",
  },
  TOO_LARGE: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "The request is larger than it may be (docs/limits.md). Send less at once.",
  },
  WATCHER_TOO_SLOW: {
    code: "RESOURCE_EXHAUSTED",
    retryable: true,
    meaning: "A watch stream was not read as fast as it was filled. List again, then watch again.",
  },
  OVERLOADED: {
    code: "RESOURCE_EXHAUSTED",
    retryable: true,
    meaning: "More is under way than there is room for. Try again after the time in RetryInfo.",
  },
  NATS_UNAVAILABLE: {
    code: "UNAVAILABLE",
    retryable: true,
    meaning: "NATS is away or did not confirm in time. Publish again with the same key: it is stored once.",
  },
  NOT_READY: {
    code: "UNAVAILABLE",
    retryable: true,
    meaning: "The service is starting or draining. Try again; another replica may answer.",
  },
  CANCELLED: {
    code: "CANCELLED",
    retryable: false,
    meaning: "The caller ended the call, or a later frame of the client overtook this one.",
  },
  DEADLINE_EXCEEDED: {
    code: "DEADLINE_EXCEEDED",
    retryable: true,
    meaning: "The caller's deadline passed before the answer was there. A publish may still be stored: repeat it with the same key.",
  },
  UNIMPLEMENTED: {
    code: "UNIMPLEMENTED",
    retryable: false,
    meaning: "This server does not know the call. Compare the versions of client and server.",
  },
  INTERNAL: {
    code: "INTERNAL",
    retryable: true,
    meaning: "A fault of Halley. The log holds the cause under the id in the message; please report it.",
  },
} as const satisfies Record<string, CatalogueEntry>;

/** The fixed word of an error, for programs. */
export type Reason = keyof typeof CATALOGUE;
