import { type ErrorFrame, type Position, type Positions, type ServerFrame, positionOf } from "./frames.js";
import { type LinkEnd } from "./transport.js";
import { isServerHeld } from "./userToken.js";

/** The connector's answer to a poll. */
export interface PollAnswer {
  readonly session: string;
  readonly frames?: readonly ServerFrame[];
  /** All subscriptions, and how far each is handled once `frames` are. */
  readonly positions?: Readonly<Record<string, Partial<Position>>>;
}

/** What a poll asked beside its frames. */
export interface Asked {
  /** What `connected` shall answer; undefined after the first answer. */
  readonly connect: { readonly id: number; readonly user: string; readonly pingIntervalMs: number } | undefined;
  /** Subscriptions that were brought as positions, by channel, with the id of the frame that asked for each. */
  readonly brought: ReadonlyMap<string, number>;
  /** The positions of the request. */
  readonly positions: Positions;
}

/**
 * Translates an answer into the frames that a WebSocket would have carried: `connected`, `subscribed` for subscriptions
 * that were brought as positions, then the answer's own frames. A `reset` of what was brought becomes `recovered: false`,
 * an `unsubscribed` with a reason becomes the error of the frame that asked.
 */
export function framesOfAnswer(answer: PollAnswer, asked: Asked): ServerFrame[] {
  const own = answer.frames ?? [];
  const verdict = (channel: string): ServerFrame["subscribed"] => {
    const reset = own.find((frame) => frame.reset?.channel === channel)?.reset;
    const position = reset ? positionOf(reset.position) : startOf(channel, answer, asked.positions);
    return { channel, position, recovered: reset === undefined };
  };
  const judged = new Set<string>();
  const frames: ServerFrame[] = [];
  if (asked.connect) {
    const held = Object.keys(answer.positions ?? {}).filter(isServerHeld);
    for (const channel of held) judged.add(channel);
    const subscriptions = Object.fromEntries(held.map((channel) => [channel, verdict(channel) ?? {}]));
    const { id, user, pingIntervalMs } = asked.connect;
    frames.push({ id, connected: { session: answer.session, user, pingIntervalMs, subscriptions } });
  }
  for (const [channel, id] of asked.brought) {
    const refused = own.find((frame) => frame.unsubscribed?.channel === channel && frame.id === undefined)?.unsubscribed;
    judged.add(channel);
    if (refused) frames.push({ id, error: refusal(refused.reason) });
    else if (answer.positions?.[channel]) frames.push({ id, subscribed: verdict(channel) ?? {} });
    else frames.push({ id, error: NOT_THERE });
  }
  const isToldAlready = ({ id, reset, unsubscribed }: ServerFrame): boolean =>
    id === undefined && judged.has(reset?.channel ?? unsubscribed?.channel ?? "");
  return [...frames, ...own.filter((frame) => !isToldAlready(frame))];
}

/** Where a channel stands before the frames of an answer: as brought, else just before its first publication there. */
function startOf(channel: string, answer: PollAnswer, brought: Positions): Position {
  const after = positionOf(answer.positions?.[channel]);
  const first = answer.frames?.find((frame) => frame.publication?.channel === channel)?.publication;
  return brought[channel] ?? (first ? { offset: first.offset - 1, epoch: after.epoch } : after);
}

/** The answer neither carries the subscription on nor refuses it: nothing is known, so it is asked for again. */
const NOT_THERE: ErrorFrame = { code: "UNAVAILABLE", reason: "NO_ANSWER", message: "the poll did not answer the subscription", retryable: true };

function refusal(reason = "SUBSCRIBE_DENIED"): ErrorFrame {
  return { code: "PERMISSION_DENIED", reason, message: `the connector refused the subscription: ${reason}`, retryable: false };
}

/** What the refusal of a poll means, in the close codes of the protocol. */
export function endOfRefusal(status: number, error: ErrorFrame, retryAfterMs: number | undefined): LinkEnd {
  const reason = error.message ?? error.reason ?? `the connector answered ${status}`;
  const again: LinkEnd = { code: 0, reason, reconnect: true, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) };
  switch (status) {
    case 400:
      return { code: 3503, reason };
    case 401:
      return { code: error.reason === "TOKEN_EXPIRED" ? 3101 : 3501, reason };
    case 403:
      return { code: 3502, reason };
    case 413:
      return { code: 1009, reason };
    default:
      return again;
  }
}
