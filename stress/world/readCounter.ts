import { connect, type NatsConnection } from "nats";

/** Counts what is asked of JetStream, by listening on NATS itself. */
export class ReadCounter {
  readonly #nats: NatsConnection;
  readonly #counts = new Map<string, number>();

  private constructor(nats: NatsConnection) {
    this.#nats = nats;
    nats.subscribe("$JS.API.>", {
      callback: (_, { subject }) => { this.#counts.set(subject, (this.#counts.get(subject) ?? 0) + 1); },
    });
  }

  /** Begins to count. The caller closes it. */
  static async start(natsUrl: string): Promise<ReadCounter> {
    const nats = await connect({ servers: natsUrl });
    const counter = new ReadCounter(nats);
    await nats.flush();
    return counter;
  }

  /** Requests that concern a namespace's stream, since it began. */
  async of(namespace: string): Promise<number> {
    await this.#nats.flush();
    let sum = 0;
    for (const [subject, count] of this.#counts) if (subject.split(".").includes(`HALLEY_${namespace}`)) sum += count;
    return sum;
  }

  close(): Promise<void> {
    return this.#nats.close();
  }
}
