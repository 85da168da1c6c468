/** One poll that a test answers by hand. */
export interface HeldPoll {
  readonly body: { readonly seq: number; readonly frames: readonly { readonly id?: number }[]; readonly positions: object; readonly session?: string; readonly waitMs: number };
  readonly isAborted: boolean;
  readonly answer: (body: unknown, status?: number) => void;
}

/** A fetch whose requests wait for their test; an abort rejects them, as in a browser. */
export class HeldFetch {
  readonly polls: HeldPoll[] = [];

  /** The newest poll. */
  get poll(): HeldPoll {
    const poll = this.polls.at(-1);
    if (!poll) throw new Error("nothing was polled");
    return poll;
  }

  readonly fetch = (_url: string, init: { readonly body: string; readonly signal: AbortSignal }): Promise<Response> =>
    new Promise((resolve, reject) => {
      init.signal.addEventListener("abort", () => reject(new Error("aborted")));
      this.polls.push({
        body: JSON.parse(init.body) as HeldPoll["body"],
        get isAborted() {
          return init.signal.aborted;
        },
        answer: (body, status = 200) => resolve(new Response(typeof body === "string" ? body : JSON.stringify(body), { status })),
      });
    });
}
