import { createInbox, type NatsConnection } from "nats";
import { streamOf, subjects } from "../../lib/bus/subjects.js";
import type { Messages } from "./grpcPublisher.js";
import type { Way } from "./rateRun.js";

/** As many as the publish service has under way. */
const IN_FLIGHT = 8_192;

/**
 * The floor of publishing: plain messages straight onto JetStream, with a numbered reply subject each under one subscription.
 * No headers, no checks, no gRPC; JetStream stores and republishes them like Halley's.
 */
export class JetStreamPublisher {
  readonly way: Way;
  readonly #nats: NatsConnection;

  constructor(nats: NatsConnection, { channels, payload }: Messages) {
    this.#nats = nats;
    const inbox = createInbox();
    const data = new TextEncoder().encode(payload);
    const targets = channels.map(subjects.publish);
    let next = 0;
    let handlers: Parameters<Way["send"]> | undefined;
    nats.subscribe(`${inbox}.*`, {
      callback: (_, message) => {
        // {"stream":"HALLEY_bench", "seq":1}; a refusal begins with its type or error.
        if (message.data[2] === 0x73) handlers?.[0](1);
        else handlers?.[1](new Error(`JetStream refused a message: ${message.string()}`));
      },
    });
    this.way = {
      inFlight: IN_FLIGHT,
      send: (...given) => {
        handlers = given;
        nats.publish(targets[next % targets.length]!, data, { reply: `${inbox}.${String(next++)}` });
      },
    };
  }

  /** How many messages a namespace's stream has ever stored. */
  async stored(namespace: string): Promise<number> {
    const answer = await this.#nats.request(`$JS.API.STREAM.INFO.${streamOf(namespace)}`);
    return answer.json<{ state: { last_seq: number } }>().state.last_seq;
  }
}
