import { connect, type NatsConnection } from "nats";
import { streamOf } from "../../../lib/bus/subjects.js";

const PREFIX = "$JS.API.";

/** Counts what is asked of JetStream, by listening on NATS itself. */
export class JetStreamCalls {
  readonly #nats: NatsConnection;
  readonly #counts = new Map<string, number>();

  private constructor(nats: NatsConnection) {
    this.#nats = nats;
    nats.subscribe(`${PREFIX}>`, {
      callback: (_, { subject }) => { this.#counts.set(subject, (this.#counts.get(subject) ?? 0) + 1); },
    });
  }

  /** Begins to count. The caller closes it. */
  static async start(natsUrl: string): Promise<JetStreamCalls> {
    const nats = await connect({ servers: natsUrl, name: "halley-bench" });
    const calls = new JetStreamCalls(nats);
    await nats.flush();
    return calls;
  }

  /** Requests that concern a namespace's stream since it began, by what is asked: `DIRECT.GET`, `STREAM.INFO`, … */
  async of(namespace: string): Promise<Record<string, number>> {
    await this.#nats.flush();
    const counts: Record<string, number> = {};
    for (const [subject, count] of this.#counts) {
      const [what, rest] = subject.slice(PREFIX.length).split(`.${streamOf(namespace)}`, 2);
      if (what === undefined || rest === undefined || !(rest === "" || rest.startsWith("."))) continue;
      counts[what] = (counts[what] ?? 0) + count;
    }
    return counts;
  }

  close(): Promise<void> {
    return this.#nats.close();
  }
}
