/** What surrounds publications in an answer to a poll, and a payload in a publication. */
export interface AnswerParts {
  /** `{"session":"…","frames":[`. */
  readonly head: string;
  /** `{"publication":{"channel":"…","offset":7,"data":`. */
  readonly before: string;
  /** `}}`. */
  readonly after: string;
  /** `],"positions":{…}}`. */
  readonly tail: string;
}

const FRAMES = '"frames":[';
const POSITIONS = '],"positions":';

/** Takes apart an answer that holds one publication with this payload. Throws where it is not that. */
export function takeApart(body: string, payload: string): AnswerParts {
  const framesAt = body.indexOf(FRAMES) + FRAMES.length;
  const payloadAt = body.indexOf(payload, framesAt);
  const tailAt = body.lastIndexOf(POSITIONS);
  if (!body.includes(FRAMES) || payloadAt === -1 || tailAt < payloadAt) throw new Error(`no answer with one publication: ${body.slice(0, 300)}`);
  return { head: body.slice(0, framesAt), before: body.slice(framesAt, payloadAt), after: body.slice(payloadAt + payload.length, tailAt), tail: body.slice(tailAt) };
}

/** An answer with these publications. */
export function composeAnswer({ head, tail }: AnswerParts, publications: readonly string[]): string {
  return `${head}${publications.join(",")}${tail}`;
}
