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
import type { Sender, SendOptions } from "./sender.js";

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
      publish: (request, context) => this.#publish(request, context),
      publishBatch: (request, context) => this.#publishBatch(request, context),
      publishStream: (requests, context) => this.#publishStream(requests, context),
    });
  }

  async #publish(request: PublishRequest, context: CallContext): Promise<PublishResponse> {
    try {
      return this.#counted(await this.#send(request, "", sendOptions(context)));
    } catch (error) {
      throw this.#countedFailure(error);
    }
  }

  async #publishBatch({ requests }: PublishBatchRequest, context: CallContext): Promise<{ results: PublishResult[] }> {
    if (requests.length < 1 || requests.length > MAX_BATCH) {
      const description = `are ${String(requests.length)}, 1 to ${String(MAX_BATCH)} are allowed`;
      throw RpcError.invalid([{ field: "requests", description }]);
    }
    this.#parts.sender();
    const options = sendOptions(context);
    return { results: await Promise.all(requests.map((request, at) => this.#result(request, `requests[${String(at)}].`, options))) };
  }

  async *#publishStream(requests: AsyncIterable<readonly PublishStreamRequest[]>, context: CallContext): AsyncGenerator<readonly PublishStreamResponse[]> {
    this.#parts.sender();
    const acks = new AckQueue<PublishStreamResponse>(MAX_UNACKNOWLEDGED);
    void this.#readStream(requests, acks, context);
    yield* acks;
  }

  /** Never rejects: what goes wrong with the reading ends the acknowledgements. */
  async #readStream(requests: AsyncIterable<readonly PublishStreamRequest[]>, acks: AckQueue<PublishStreamResponse>, context: CallContext): Promise<void> {
    try {
      const { traceparent } = sendOptions(context);
      for await (const piece of requests) {
        for (const { id, publish } of piece) {
          if (!acks.hasRoom && !(await acks.room())) return;
          const result = this.#result(publish, "publish.", { traceparent, deadlineMs: context.deadlineMs });
          acks.push(result.then((outcome) => ({ id, result: outcome })));
        }
      }
      acks.end();
    } catch (error) {
      acks.end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Never rejects. Sends before it returns, so that messages go out in the order of the calls. */
  #result(request: PublishRequest | undefined, path: string, options: SendOptions): Promise<PublishResult> {
    const refused = (error: unknown): PublishResult => ({ outcome: { $case: "error", value: statusOf(this.#countedFailure(error), this.#parts.log) } });
    try {
      const stored = this.#send(request, path, options);
      return stored.then((response) => ({ outcome: { $case: "published", value: this.#counted(response) } }), refused);
    } catch (error) {
      return Promise.resolve(refused(error));
    }
  }

  #send(request: PublishRequest | undefined, path: string, options: SendOptions): Promise<PublishResponse> {
    return this.#parts.sender().send(acceptMessage(request, path, this.#parts.rules), options);
  }

  #counted(response: PublishResponse): PublishResponse {
    this.#parts.count(response.duplicate ? "duplicate" : response.position ? "stored" : "ephemeral");
    return response;
  }

  #countedFailure(error: unknown): unknown {
    this.#parts.count(error instanceof RpcError && !error.retryable ? "refused" : "failed");
    return error;
  }
}

function sendOptions(context: CallContext): SendOptions {
  return { deadlineMs: context.deadlineMs, traceparent: validTraceparent(context.metadata("traceparent")) };
}
