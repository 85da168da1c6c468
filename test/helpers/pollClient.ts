import { signToken } from "./installation.js";
import type { Frame, ReceivedPublication, TestPosition } from "./wsClient.js";

/** The body of an answer. */
export interface PollAnswer {
  readonly session: string;
  readonly frames: readonly Frame[];
  readonly positions: Readonly<Record<string, TestPosition>>;
}

/** Posts the body of a poll as it is; gives status and parsed body. */
export async function post(port: number, body: string | Buffer, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/v1/poll`, { method: "POST", body, headers: { "content-type": "application/json", ...headers }, ...(signal ? { signal } : {}) });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>, headers: response.headers };
}

/** A raw long-poll client that keeps what the protocol says a client keeps: session, positions, seq. */
export class PollClient {
  session = "";
  positions: Record<string, TestPosition | object> = {};
  readonly frames: Frame[] = [];
  #seq = 0;
  readonly #token: Promise<string>;

  constructor(user: string) {
    this.#token = signToken(user);
  }

  /** The request that the next poll will send. */
  async request(frames: readonly object[] = [], waitMs = 1_000): Promise<object> {
    return { session: this.session, token: await this.#token, seq: ++this.#seq, frames, positions: this.positions, waitMs };
  }

  /** Polls once at a connector and takes the answer. */
  async poll(port: number, frames: readonly object[] = [], waitMs = 1_000): Promise<PollAnswer> {
    const { status, body } = await post(port, JSON.stringify(await this.request(frames, waitMs)));
    if (status !== 200) throw new Error(`${String(status)} ${JSON.stringify(body)}`);
    const answer = body as unknown as PollAnswer;
    this.take(answer);
    return answer;
  }

  /** Takes an answer. */
  take(answer: PollAnswer): void {
    this.session = answer.session;
    this.positions = { ...answer.positions };
    this.frames.push(...answer.frames);
  }

  /** Everything that came of a channel, inside `subscribed` and by itself. */
  publications(channel: string): ReceivedPublication[] {
    return this.frames.flatMap((frame) => {
      const subscribed = frame["subscribed"] as { channel: string; publications: ReceivedPublication[] } | undefined;
      const publication = frame["publication"] as ReceivedPublication | undefined;
      if (subscribed?.channel === channel) return subscribed.publications;
      return publication?.channel === channel ? [publication] : [];
    });
  }
}
