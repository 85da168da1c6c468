const PUBLISH = "halley.pub.";
const REPUBLISH = "halley.out.";
const TICK_TOKEN = "$tick";

/** The one place that maps channels and names to NATS subjects. Channel names are taken as valid (lib/channel). */
export const subjects = {
  /** Where a message for a channel is published; in a namespace with history, the subject under which it is stored. */
  publish: (channel: string): string => PUBLISH + channel,
  publishAll: `${PUBLISH}>`,
  /** Where JetStream republishes a stored message of a channel. */
  republish: (channel: string): string => REPUBLISH + channel,
  /** What the stream of a namespace takes in. */
  ofStream: (namespace: string): string[] => [PUBLISH + namespace, `${PUBLISH}${namespace}.>`],
  /** The transform of each stream's republish: source and destination. */
  republishTransform: { src: `${PUBLISH}>`, dest: `${REPUBLISH}>` },
  /** The namespace's ticks, as published and as republished. */
  tick: (namespace: string): string => `${PUBLISH}${namespace}.${TICK_TOKEN}`,
  tickRepublish: (namespace: string): string => `${REPUBLISH}${namespace}.${TICK_TOKEN}`,
  /** JetStream's announcement that the stream of a namespace has a new leader. */
  leaderElected: (namespace: string): string => `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${streamOf(namespace)}`,
  /** Dead letters of a channel, and of all. */
  dead: (channel: string): string => `halley.dead.${channel}`,
  deadAll: "halley.dead.>",
  /** Tells connectors behind a sequence to repair a channel. */
  nudge: (channel: string): string => `halley.nudge.${channel}`,
  nudgeAll: "halley.nudge.>",
  /** Asks the publish service to raise a namespace's epoch. */
  raiseEpoch: (namespace: string): string => `halley.epoch.${namespace}`,
  raiseEpochAll: "halley.epoch.*",
  /** Announces that a session has a new connection. */
  session: (id: string): string => `halley.session.${id}`,
  sessionAll: "halley.session.*",
  heartbeat: (connector: string): string => `halley.presence.heartbeat.${connector}`,
  heartbeatAll: "halley.presence.heartbeat.*",
  snapshot: (connector: string): string => `halley.presence.snapshot.${connector}`,
  /** Asks any ready presence replica for a page of a channel's members. */
  members: "halley.presence.members",
  /** Presence replicas tell each other that they are there. */
  replica: (replica: string): string => `halley.presence.replica.${replica}`,
  replicaAll: "halley.presence.replica.*",
} as const;

/** The stream of a namespace. Namespaces begin with a lower-case letter, so none can be named like another's. */
export function streamOf(namespace: string): string {
  return `HALLEY_${namespace}`;
}

/** The stream of dead letters. */
export const DEAD_STREAM = "HALLEY_DEAD";

/** The KV bucket of last-seen times, key: user token, value: milliseconds since 1970 in decimal. */
export const LAST_SEEN_BUCKET = "HALLEY_LAST_SEEN";

/** Header names. `Nats-*` are NATS's own; read the last value of each, a publisher's own come first. */
export const header = {
  type: "Halley-Type",
  contentType: "Content-Type",
  time: "Halley-Time",
  sender: "Halley-Sender",
  control: "Halley-Control",
  traceparent: "traceparent",
  tagPrefix: "Halley-Tag-",
  messageId: "Nats-Msg-Id",
  expectedStream: "Nats-Expected-Stream",
  stream: "Nats-Stream",
  subject: "Nats-Subject",
  sequence: "Nats-Sequence",
  lastSequence: "Nats-Last-Sequence",
  timestamp: "Nats-Time-Stamp",
  /** At the end of an answer of several messages: the replica's last sequence, and how many more there are. */
  upToSequence: "Nats-UpTo-Sequence",
  pending: "Nats-Num-Pending",
  /** On dead letters: why, and the sequence of the message in its stream. */
  deadReason: "Halley-Dead-Reason",
  deadSequence: "Halley-Dead-Sequence",
} as const;

/** Values of `Content-Type`. Absent: JSON. */
export const contentType = { json: "application/json", protobuf: "application/protobuf" } as const;

/** The value of `Halley-Control` that marks the end of everything below it. */
export const TOMBSTONE = "tombstone";
