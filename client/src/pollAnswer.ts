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

/** The sign-in that the first poll stands for. */
export interface SignIn {
  /** Of the frame that asked. */
  readonly id: number;
  readonly user: string;
  readonly pingIntervalMs: number;
  /** The positions that it brought. */
  readonly positions: Positions;
}

/**
 * The first answer as a WebSocket would have given it: `connected` with the channels that the connector holds by itself,
 * then the answer's frames. A `reset` of what was brought becomes `recovered: false`.
 */
export function asConnected(answer: PollAnswer, { id, user, pingIntervalMs, positions }: SignIn): ServerFrame[] {
  const own = answer.frames ?? [];
  const held = Object.keys(answer.positions ?? {}).filter(isServerHeld);
  const subscriptions = Object.fromEntries(
    held.map((channel) => {
      const reset = own.find((frame) => frame.reset?.channel === channel)?.reset;
      const position = reset ? positionOf(reset.position) : startOf(channel, answer, positions);
      return [channel, { position, recovered: reset === undefined }];
    }),
  );
  const others = own.filter(({ reset }) => !reset || !held.includes(reset.channel));
  return [{ id, connected: { session: answer.session, user, pingIntervalMs, subscriptions } }, ...others];
}

/** Where a channel stands before the frames of an answer: as brought, else just before its first publication there. */
function startOf(channel: string, answer: PollAnswer, brought: Positions): Position {
  const after = positionOf(answer.positions?.[channel]);
  const first = answer.frames?.find((frame) => frame.publication?.channel === channel)?.publication;
  return brought[channel] ?? (first ? { offset: first.offset - 1, epoch: after.epoch } : after);
}

/** What the refusal of a poll means, in the close codes of the protocol. */
export function endOfRefusal(status: number, error: ErrorFrame, retryAfterMs: number | undefined): LinkEnd {
  const reason = error.message ?? error.reason ?? `the connector answered ${status}`;
  // Without the connector's word for it, it was something on the way (a proxy, a captive portal), and may pass.
  switch (error.reason === undefined ? 0 : status) {
    case 400:
      return { code: 3503, reason };
    case 401:
      return { code: error.reason === "TOKEN_EXPIRED" ? 3101 : 3501, reason };
    case 403:
      return { code: 3502, reason };
    case 413:
      return { code: 1009, reason };
    default:
      if (error.reason === "TOO_MANY_SESSIONS") return { code: 3504, reason };
      return { code: 0, reason, reconnect: true, ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }) };
  }
}
