/** A place in the history of a channel: see Position in proto/halley/v1/message.proto. */
export interface Position {
  readonly offset: number;
  readonly epoch: string;
}

/** A position as a client sent it; without an epoch it is none. */
export function positionOf(sent: Position | undefined): Position | undefined {
  return sent === undefined || sent.epoch === "" ? undefined : sent;
}
