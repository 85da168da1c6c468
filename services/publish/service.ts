import {
  type PublishBatchRequest,
  type PublishRequest,
  type PublishResponse,
  type PublishResult,
  PublishServiceService,
  type PublishStreamRequest,
  type PublishStreamResponse,
} from "../../gen/halley/v1/publish.js";
import { RpcError } from "../../lib/errors/rpcError.js";
import type { Log } from "../../lib/log.js";
import type { CallContext } from "../../lib/rpc/callContext.js";
import { bindService, type RpcService } from "../../lib/rpc/rpcService.js";
import { statusOf } from "../../lib/rpc/status.js";
import { acceptMessage, type Rules } from "./acceptMessage.js";
import { AckQueue } from "./ackQueue.js";
import { validTraceparent } from "./messageHeaders.js";
import type { Sender } from "./sender.js";

/** Messages of one batch. */
export const MAX_BATCH = 1_000;
/** Messages of one stream that are read and not acknowledged to the caller. */
export const MAX_UNACKNOWLEDGED = 1_024;

/** What became of a message, for counting. */
export type Outcome = "stored" | "duplicate" | "ephemeral" | "refused" | "failed";

/** What the service works with. */
export interface PublishServiceParts {
  readonly rules: Rules;
  /** Throws NOT_READY while there is none. */
  readonly sender: () => Sender;
  readonly log: Log;
  readonly count: (outcome: Outcome) => void;
}

/** The publish service: validates, sends, shapes the reply. */
export class PublishApi {
  readonly #parts: PublishServiceParts;

  constructor(parts: PublishServiceParts) {
    this.#parts = parts;
  }

  /** To be served by an RpcServer. */
  get service(): RpcService {
    return bindService(PublishServiceService, {
      publish: (request, context) => this.#publish(request, "", context),
      publishBatch: (request, context) => this.#publishBatch(request, context),
      publishStream: (requests, context) => this.#publishStream(requests, context),
    });
  }

  async #publish(request: PublishRequest | undefined, path: string, context: CallContext): Promise<PublishResponse> {
    const { rules, sender, count } = this.#parts;
    try {
      const message = acceptMessage(request, path, rules);
      const options = { deadlineMs: context.deadlineMs, traceparent: validTraceparent(context.metadata("traceparent")) };
      const response = await sender().send(message, options);
      count(response.duplicate ? "duplicate" : response.position ? "stored" : "ephemeral");
      return response;
    } catch (error) {
      count(error instanceof RpcError && !error.retryable ? "refused" : "failed");
      throw error;
    }
  }

  async #publishBatch({ requests }: PublishBatchRequest, context: CallContext): Promise<{ results: PublishResult[] }> {
    if (requests.length < 1 || requests.length > MAX_BATCH) {
      const description = `are ${String(requests.length)}, 1 to ${String(MAX_BATCH)} are allowed`;
      throw RpcError.invalid([{ field: "requests", description }]);
    }
    this.#parts.sender();
    const results = requests.map((request, at) => this.#result(request, `requests[${String(at)}].`, context));
    return { results: await Promise.all(results) };
  }

  async *#publishStream(requests: AsyncIterable<PublishStreamRequest>, context: CallContext): AsyncGenerator<PublishStreamResponse> {
    this.#parts.sender();
    const acks = new AckQueue<PublishStreamResponse>(MAX_UNACKNOWLEDGED);
    void this.#readStream(requests, acks, context);
    yield* acks;
  }

  /** Never rejects: what goes wrong with the reading ends the acknowledgements. */
  async #readStream(requests: AsyncIterable<PublishStreamRequest>, acks: AckQueue<PublishStreamResponse>, context: CallContext): Promise<void> {
    try {
      for await (const { id, publish } of requests) {
        const ack = this.#result(publish, "publish.", context).then((result) => ({ id, result }));
        if (!(await acks.push(ack))) return;
      }
      acks.end();
    } catch (error) {
      acks.end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Never rejects. Sends before it returns, so that messages go out in the order of the calls. */
  async #result(request: PublishRequest | undefined, path: string, context: CallContext): Promise<PublishResult> {
    try {
      return { outcome: { $case: "published", value: await this.#publish(request, path, context) } };
    } catch (error) {
      return { outcome: { $case: "error", value: statusOf(error, this.#parts.log) } };
    }
  }
}
