import { Bus } from "../../lib/bus/bus.js";
import { makeHeaders } from "../../lib/bus/publishHeaders.js";
import { fetchStreamInfo } from "../../lib/bus/streamInfo.js";
import { streamOf, subjects } from "../../lib/bus/subjects.js";
import { namespaceOf } from "../../lib/channel/channelName.js";
import { silentLog } from "../../lib/log.js";
import type { Position } from "../clients/protocol.js";

/** A backend that publishes straight onto NATS. */
export class DirectPublisher {
  readonly #bus: Bus;

  private constructor(bus: Bus) {
    this.#bus = bus;
  }

  static async connect(servers: readonly string[]): Promise<DirectPublisher> {
    return new DirectPublisher(await Bus.connect({ servers, name: "backend", log: silentLog }));
  }

  /** Resolves with the position when the message is stored; rejects when it is not acknowledged within 5 s. */
  async publish(channel: string, payload: string, headers: Readonly<Record<string, string>> = {}): Promise<Position> {
    const answer = await this.#bus.request(subjects.publish(channel), payload, 5_000, makeHeaders(headers));
    const { seq, error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { seq?: number; error?: { description: string } };
    // A refusal may name the sequence 0.
    if (error || seq === undefined) throw new Error(error?.description ?? "no acknowledgement");
    const { epoch } = await fetchStreamInfo(this.#bus, streamOf(namespaceOf(channel)));
    return { offset: seq, epoch };
  }

  /** The connection, for what a test does to streams. */
  get bus(): Bus {
    return this.#bus;
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }
}
