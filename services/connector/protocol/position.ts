/** A place in the history of a channel: see Position in proto/halley/v1/message.proto. */
export interface Position {
  readonly offset: number;
  readonly epoch: string;
}

/** Positions by name, as a JSON object. Written by hand: with every ping and every answer to a poll. */
export function encodePositions(positions: Iterable<readonly [string, Position]>): string {
  const members: string[] = [];
  for (const [name, { offset, epoch }] of positions) members.push(`${JSON.stringify(name)}:{"offset":${String(offset)},"epoch":${JSON.stringify(epoch)}}`);
  return `{${members.join(",")}}`;
}

/** A position as a client sent it; without an epoch it is none. */
export function positionOf(sent: Position | undefined): Position | undefined {
  return sent === undefined || sent.epoch === "" ? undefined : sent;
}
